// RUN: pock-opt %s -pock-tile-products -split-input-file | FileCheck %s

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#mk = affine_map<(m, k, n) -> (m, n)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>
#id = affine_map<(a, b) -> (a, b)>
#none = affine_map<(a, b) -> ()>

// The rows are copied in groups of four; the weight exists for four columns at
// a time. What fills the result, and what follows, runs on the same groups.

// CHECK-LABEL: func.func private @columns(
// CHECK-DAG: %[[ROWS:.+]] = memref.alloc() : memref<4x32x4xf32>
// CHECK-DAG: %[[PANEL:.+]] = memref.alloc() : memref<32x4xf32>
// CHECK: linalg.generic {{.*}} outs(%[[ROWS]]
// CHECK: scf.for
// CHECK: arith.sitofp
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<4x4x4xf32
// CHECK: linalg.generic {{.*}} ins(%[[ROWS]], %[[PANEL]] : memref<4x32x4xf32>, memref<32x4xf32>) outs(%{{.+}} : memref<4x4x4xf32
// CHECK: arith.maximumf
// CHECK-NOT: memref<32x24xf32>
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @columns(%g: memref<16x32xf32>, %w: memref<32x24xi8>, %out: memref<16x24xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<32x24xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%w : memref<32x24xi8>) outs(%real : memref<32x24xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#none, #id], iterator_types = ["parallel", "parallel"]} ins(%zero : f32) outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#mk, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %real : memref<16x32xf32>, memref<32x24xf32>) outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32):
    %0 = arith.maximumf %a, %zero : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

// A copy of all rows would be too large: the sum runs in blocks of terms. Rows
// and columns that are left over have tiles of their own.

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 1024, alignment = 8, stack_bytes = 4096, threads = 1>
#mk = affine_map<(m, k, n) -> (m, n)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>
#id = affine_map<(a, b) -> (a, b)>

// CHECK-LABEL: func.func private @blocks(
// CHECK: memref.alloc() : memref<2x16x4xf32>
// CHECK: memref.alloc() : memref<16x4xf32>
// CHECK: scf.for
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<2x4x4xf32
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<1x4xf32
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<2x4x2xf32
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<1x2xf32
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @blocks(%g: memref<9x64xf32>, %w: memref<64x10xi8>, %out: memref<9x10xf32>) attributes {pock.kernel} {
  %real = memref.alloc() : memref<64x10xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%w : memref<64x10xi8>) outs(%real : memref<64x10xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#mk, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %real : memref<9x64xf32>, memref<64x10xf32>) outs(%out : memref<9x10xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

// Both factors are contiguous along the tile already.

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#nm = affine_map<(m, k, n) -> (n, m)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>

// CHECK-LABEL: func.func private @contiguous(
// CHECK-NOT: memref.alloc
// CHECK-NOT: scf.for
// CHECK: return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @contiguous(%g: memref<64x16xf32>, %x: memref<64x24xf32>, %out: memref<16x24xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#nm, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %x : memref<64x16xf32>, memref<64x24xf32>) outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

// A target with vectors computes other tiles.

#mk = affine_map<(m, k, n) -> (m, n)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>

// CHECK-LABEL: func.func private @vectors(
// CHECK-NOT: memref.alloc
module {
func.func private @vectors(%g: memref<16x32xf32>, %w: memref<32x24xf32>, %out: memref<16x24xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#mk, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %w : memref<16x32xf32>, memref<32x24xf32>) outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

// Columns that are not contiguous, in memory that no copy makes, stay as they
// are. A fill that follows another product is not touched.

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 1024, alignment = 8, stack_bytes = 4096, threads = 1>
#mk = affine_map<(m, k, n) -> (m, n)>
#kn = affine_map<(m, k, n) -> (k, n)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>
#id = affine_map<(a, b) -> (a, b)>
#none = affine_map<(a, b) -> ()>

// CHECK-LABEL: func.func private @two(
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : memref<16x32xf32>, memref<24x32xf32>) outs(%{{.+}} : memref<16x24xf32>)
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.+}} : memref<4x4x24xf32
// CHECK-NOT: pock.tile_product
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @two(%g: memref<16x32xf32>, %w: memref<24x32xf32>, %v: memref<32x24xf32>, %out: memref<16x24xf32>, %other: memref<16x24xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#mk, #kn, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %w : memref<16x32xf32>, memref<24x32xf32>) outs(%out : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#none, #id], iterator_types = ["parallel", "parallel"]} ins(%zero : f32) outs(%other : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#mk, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %v : memref<16x32xf32>, memref<32x24xf32>) outs(%other : memref<16x24xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

// An update that counts its entries, and writes a part of a parameter, runs on
// the same four columns. It is long, so that it has loops of its own: tiles of
// 4 x 4 would repeat it.

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#km = affine_map<(m, k, n) -> (n, m)>
#nk = affine_map<(m, k, n) -> (n, k)>
#out = affine_map<(m, k, n) -> (m, k)>
#id = affine_map<(a, b) -> (a, b)>
#none = affine_map<(a, b) -> ()>

// CHECK-LABEL: func.func private @update(
// CHECK-SAME:    %[[PARAM:[a-z0-9]+]]: memref<32x24xf32>) attributes
// CHECK-NOT:     memref<32x12xf32>
// CHECK:         %[[SUM:.+]] = memref.alloc() : memref<32x4xf32>
// CHECK:         scf.for %[[COLUMN:.+]] = %{{.+}} to %{{.+}} step
// CHECK:           arith.sitofp
// CHECK:           arith.mulf
// CHECK:           linalg.generic {{.*}} attrs =  {pock.apart}
// CHECK:             %[[INDEX:.+]] = linalg.index 1
// CHECK:             arith.addi %[[INDEX]], %[[COLUMN]]
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @update(%x: memref<16x12xi8>, %g: memref<16x32xf32>, %param: memref<32x24xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x12xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<16x12xi8>) outs(%real : memref<16x12xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %sum = memref.alloc() : memref<32x12xf32>
  linalg.generic {indexing_maps = [#none, #id], iterator_types = ["parallel", "parallel"]} ins(%zero : f32) outs(%sum : memref<32x12xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#km, #nk, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%g, %real : memref<16x32xf32>, memref<16x12xf32>) outs(%sum : memref<32x12xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  %part = memref.subview %param[0, 0] [32, 12] [1, 1] : memref<32x24xf32> to memref<32x12xf32, strided<[24, 1]>>
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%part, %sum : memref<32x12xf32, strided<[24, 1]>>, memref<32x12xf32>) outs(%part : memref<32x12xf32, strided<[24, 1]>>) {
  ^bb0(%w: f32, %d: f32, %b: f32):
    %i = linalg.index 1 : index
    %k = arith.index_cast %i : index to i32
    %x0 = arith.sitofp %k : i32 to f32
    %x1 = arith.mulf %x0, %d : f32
    %x2 = arith.mulf %x1, %d : f32
    %x3 = arith.mulf %x2, %d : f32
    %x4 = arith.mulf %x3, %d : f32
    %x5 = arith.mulf %x4, %d : f32
    %x6 = arith.mulf %x5, %d : f32
    %x7 = arith.mulf %x6, %d : f32
    %x8 = arith.mulf %x7, %d : f32
    %x9 = arith.mulf %x8, %d : f32
    %x10 = arith.mulf %x9, %d : f32
    %x11 = arith.mulf %x10, %d : f32
    %x12 = arith.mulf %x11, %d : f32
    %x13 = arith.mulf %x12, %d : f32
    %x14 = arith.mulf %x13, %d : f32
    %0 = arith.subf %w, %x14 : f32
    linalg.yield %0 : f32
  }
  return
}
}
