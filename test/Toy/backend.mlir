// RUN: toy-opt %s --pock-plan-pipeline -o %t.plan.mlir
// RUN: FileCheck %s --check-prefix=PLAN --input-file %t.plan.mlir
// RUN: toy-opt %s --pock-plan-pipeline --pock-llvm-pipeline | FileCheck %s --check-prefix=CODE
// RUN: toy-opt %s --pock-plan-pipeline --pock-llvm-pipeline --toy-show-binaries --verify-diagnostics -o /dev/null

// A back end that is no processor: the stages `plan` and `llvm` go through its
// pipelines, the memory plan between them obeys its alignment, and its code is no
// LLVM.

// PLAN: pock.plan = {{{.*}}alignment = 16
// PLAN: func.func private @double(%{{.*}}: memref<8xf32>, %{{.*}}: memref<8xf32>)
// PLAN: linalg.generic
// PLAN: func.func @predict(
// PLAN: pock.launch @double

// CODE: module attributes {{{.*}}toy.commands = "predict: double on 2; predict: double on 2; "
// CODE-NOT: llvm
// CODE-NOT: call

// expected-remark @below {{binary: predict: double on 2; predict: double on 2; }}
// expected-error @below {{the back end 'toy' has no programs that contain data}}
module attributes {pock.name = "net", pock.target = #pock.target<triple = "toy-one", alignment = 16>} {
  func.func private @double(%x: tensor<8xf32>, %out: tensor<8xf32> {bufferization.writable = true}) -> tensor<8xf32> attributes {pock.kernel} {
    %0 = pock.add %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %0 : tensor<8xf32>
  }
  func.func @predict(%x: tensor<8xf32> {pock.name = "x"}) -> (tensor<8xf32> {pock.name = "y"}) {
    %e = tensor.empty() : tensor<8xf32>
    %0 = pock.launch @double ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    %f = tensor.empty() : tensor<8xf32>
    %1 = pock.launch @double ins(%0 : tensor<8xf32>) outs(%f : tensor<8xf32>) -> tensor<8xf32>
    return %1 : tensor<8xf32>
  }
}
