// RUN: pock-opt %s --pock-form-kernels --remarks-filter=pock-form-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: pock-opt %s --pock-form-kernels --pock-order-launches --remarks-filter=pock-order-launches -o /dev/null 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: pock-opt %s --pock-form-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE --allow-empty

// Passes that decide something say so in remarks, which are off by default.

// NONE-NOT: remark
// KERNELS: [Passed] epilogue {{.*}}pock.relu joins the kernel of pock.matmul{{.*}}moved=0
// KERNELS: [Missed] epilogue {{.*}}pock.add begins a kernel: the last kernel that it reads has another shape
// ORDER: [Analysis] order {{.*}}Function=products{{.*}}bound=64, peak=64
func.func @products(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>, %z: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %product = pock.matmul %x, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %positive = pock.relu %product : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %sum = pock.add %positive, %z : (tensor<4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %sum : tensor<2x4x4xf32>
}
