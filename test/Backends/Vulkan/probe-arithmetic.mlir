// RUN: pock-opt %s --pock-probe-arithmetic --split-input-file | FileCheck %s

// A function with what devices must give, and its shader.

// CHECK-LABEL: gpu.module @shaders
// CHECK:         gpu.func @pock_probe(%{{.+}}: memref<1344xi32, #spirv.storage_class<StorageBuffer>>, %{{.+}}: memref<4928xi32, {{.+}}>)
// CHECK-DAG:       arith.divf
// CHECK-DAG:       math.fma
// CHECK-DAG:       math.sqrt
// CHECK:       func.func @pock_probe(%{{.+}}: memref<25088xi8> {pock.packed = array<i64: 0, 0, 5376, 1, 5376, 19712>})
// CHECK-SAME:    pock.probe_inputs = array<i32: 0, 0, 0, -2147483648, 0,
// CHECK-SAME:    pock.probe_outputs = array<i32: 0, 0, 0, 2143289344, 0, 0, 0, 0, 0, 0, 0, 0,
// CHECK:         gpu.launch_func @shaders::@pock_probe blocks in (%c7
// CHECK-SAME:      pock.accesses = array<i64: 0, 0, 5376, 0, 0, 5376, 19712, 1>
module attributes {gpu.container_module, pock.arithmetic = "portable"} {
gpu.module @shaders {
}
}

// -----

// Other arithmetic needs none.

// CHECK:     gpu.module @shaders
// CHECK-NOT: func
module attributes {gpu.container_module} {
gpu.module @shaders {
}
}
