// RUN: pock-opt %s --pock-form-dispatches --split-input-file | FileCheck %s

#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>

// A slow device needs 160 ms for 2^29 terms: two dispatches, each of half the groups.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func  @shaders::@product blocks in (%c32, %c1, %{{.+}}) {{.*}}, pock.part = 0 : i64}
// CHECK:         gpu.launch_func  @shaders::@product blocks in (%c32_{{.+}} pock.first_group = array<i64: 32, 0>, pock.part = 0 : i64}
// CHECK:         gpu.launch_func  @shaders::@small blocks in (%c1024, {{.+}} pock.part = 1 : i64}
// CHECK-NOT:     gpu.launch_func
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan">} {
func.func @step(%x: memref<256x8192xf32>, %w: memref<8192x256xf32>, %y: memref<256x256xf32>) {
  pock.launch @product ins(%x, %w : memref<256x8192xf32>, memref<8192x256xf32>) outs(%y : memref<256x256xf32>)
  pock.launch @small ins() outs(%y : memref<256x256xf32>)
  return
}
func.func private @product(%x: memref<256x8192xf32>, %w: memref<8192x256xf32>, %y: memref<256x256xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<256x8192xf32>, memref<8192x256xf32>) outs(%y : memref<256x256xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
func.func private @small(%y: memref<256x256xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%y : memref<256x256xf32>) {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

// A row of devices with more bindings needs no common ones.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func  @shaders::@sum
// CHECK-NOT:       pock.offsets
// CHECK:         gpu.func @sum(%arg0: {{.+}}, %arg1: {{.+}}, %arg2: {{.+}}, %arg3: {{.+}}, %arg4: {{.+}})
#id = affine_map<(i) -> (i)>
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "nvidia">} {
func.func @step(%a: memref<8xf32>, %b: memref<8xf32>, %c: memref<8xf32>, %d: memref<8xf32>, %y: memref<8xf32>) {
  pock.launch @sum ins(%a, %b, %c, %d : memref<8xf32>, memref<8xf32>, memref<8xf32>, memref<8xf32>) outs(%y : memref<8xf32>)
  return
}
func.func private @sum(%a: memref<8xf32>, %b: memref<8xf32>, %c: memref<8xf32>, %d: memref<8xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, #id, #id, #id, #id], iterator_types = ["parallel"]}
      ins(%a, %b, %c, %d : memref<8xf32>, memref<8xf32>, memref<8xf32>, memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%p: f32, %q: f32, %r: f32, %s: f32, %old: f32):
    %0 = arith.addf %p, %q : f32
    %1 = arith.addf %r, %s : f32
    %2 = arith.addf %0, %1 : f32
    linalg.yield %2 : f32
  }
  return
}
}
