// RUN: pock-opt %s --pock-form-dispatches --split-input-file | FileCheck %s

// Devices need not have more than four bindings: of five buffers, those of one
// segment and one type are one binding, from the first to the last. Their offsets
// in it are pushed, so that launches share the shader.

#id = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[STATE:[^:]+]]: memref<4096xi8>
// CHECK:         memref.view %[[STATE]][%{{.+}}][%{{.+}}] : memref<4096xi8> to memref<?xf32>
// CHECK:         gpu.launch_func @shaders::@update blocks {{.*}} args(%{{.+}} : memref<64xf32, {{.+}}>, %{{.+}} : memref<1xf32, {{.+}}>, %{{.+}} : memref<?xf32, {{.+}}>) {pock.accesses = array<i64: 1, 0, 256, 0, 2, 0, 4, 0, 0, 0, 256, 1, 0, 256, 256, 1, 0, 512, 256, 1>, pock.offsets = array<i32: 0, 64, 128,
// CHECK:         gpu.launch_func @shaders::@update blocks {{.*}} pock.offsets = array<i32: 320, 0, 64,
// CHECK-NOT:   gpu.func @update_1
// CHECK:         gpu.func @update(%{{.+}}: memref<64xf32, {{.+}}>, %{{.+}}: memref<1xf32, {{.+}}>, %[[MERGED:.+]]: memref<?xf32, {{.+}}> {pock.written}) kernel attributes {{{.*}}pock.pushed = 32 : i64}
// CHECK:           spirv.Load
// CHECK:           memref.load %[[MERGED]]
// CHECK:           memref.store %{{.+}}, %[[MERGED]]
module {
func.func @step(%state: memref<4096xi8> {pock.segment = "state"}, %g: memref<64xf32>, %lr: memref<f32>) {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2304 = arith.constant 2304 : index
  %p = memref.view %state[%c0][] : memref<4096xi8> to memref<64xf32>
  %m = memref.view %state[%c256][] : memref<4096xi8> to memref<64xf32>
  %v = memref.view %state[%c512][] : memref<4096xi8> to memref<64xf32>
  %q = memref.view %state[%c2304][] : memref<4096xi8> to memref<64xf32>
  %o = memref.view %state[%c1024][] : memref<4096xi8> to memref<64xf32>
  %c1280 = arith.constant 1280 : index
  %u = memref.view %state[%c1280][] : memref<4096xi8> to memref<64xf32>
  pock.launch @update ins(%g, %lr : memref<64xf32>, memref<f32>) outs(%p, %m, %v : memref<64xf32>, memref<64xf32>, memref<64xf32>)
  pock.launch @update ins(%g, %lr : memref<64xf32>, memref<f32>) outs(%q, %o, %u : memref<64xf32>, memref<64xf32>, memref<64xf32>)
  return
}
func.func private @update(%g: memref<64xf32>, %lr: memref<f32>, %p: memref<64xf32>, %m: memref<64xf32>, %v: memref<64xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, affine_map<(i) -> ()>, #id, #id, #id], iterator_types = ["parallel"]}
      ins(%g, %lr : memref<64xf32>, memref<f32>) outs(%p, %m, %v : memref<64xf32>, memref<64xf32>, memref<64xf32>) {
  ^bb0(%a: f32, %rate: f32, %x: f32, %y: f32, %z: f32):
    %0 = arith.mulf %a, %rate : f32
    %1 = arith.addf %x, %0 : f32
    %2 = arith.addf %y, %0 : f32
    %3 = arith.addf %z, %0 : f32
    linalg.yield %1, %2, %3 : f32, f32, f32
  }
  return
}
}
