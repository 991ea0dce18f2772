// RUN: pock-opt %s --pock-graph-pipeline -o %t.graph.mlir
// RUN: FileCheck %s --check-prefix=GRAPH --input-file %t.graph.mlir
// RUN: pock-opt %t.graph.mlir --pock-training-pipeline -o %t.training.mlir
// RUN: FileCheck %s --check-prefix=TRAINING --input-file %t.training.mlir
// RUN: pock-opt %t.training.mlir --pock-schedule-pipeline -o %t.schedule.mlir
// RUN: FileCheck %s --check-prefix=SCHEDULE --input-file %t.schedule.mlir
// RUN: pock-opt %t.schedule.mlir --pock-kernels-pipeline -o %t.kernels.mlir
// RUN: FileCheck %s --check-prefix=KERNELS --input-file %t.kernels.mlir
// RUN: pock-opt %t.kernels.mlir --pock-plan-pipeline -o %t.plan.mlir
// RUN: FileCheck %s --check-prefix=PLAN --input-file %t.plan.mlir
// RUN: pock-opt %t.plan.mlir --pock-llvm-pipeline | FileCheck %s --check-prefix=LLVM

// One linear layer, half of whose input channels train, through all stages.

// GRAPH-NOT: pock.scheme
// GRAPH: pock.param @w {{{.*}}trained}
// GRAPH-LABEL: func.func @loss(
// GRAPH-NOT: pock.linear
// GRAPH-NOT: pock.mse_loss
// GRAPH: pock.matmul
// GRAPH: pock.mean

// TRAINING-LABEL: func.func @step(
// TRAINING: pock.mean
// TRAINING: pock.sparse_update @w
// TRAINING: pock.yield

// SCHEDULE-LABEL: func.func @step(
// SCHEDULE: pock.sgd_update
// SCHEDULE: pock.store_param @w
// SCHEDULE-LABEL: func.func @prepare(

// KERNELS-LABEL: func.func @step(
// KERNELS: pock.launch
// KERNELS-NOT: pock.matmul
// KERNELS: return

// PLAN: pock.plan = {
// PLAN: func.func @step({{.*}}pock.segment = "constants"{{.*}}pock.segment = "state"{{.*}}pock.segment = "arena"
// PLAN: func.func @init(

// LLVM: llvm.func @net_step(
// LLVM-NOT: pock.launch
// LLVM-NOT: pock.param
module attributes {pock.name = "net", pock.scheme = {w = 0.5}, pock.optimizer = #pock.sgd} {
  pock.param @w : tensor<4x8xf32>
  func.func @loss(%x: tensor<2x8xf32> {pock.name = "x"}, %t: tensor<2x4xf32> {pock.name = "t"}) -> tensor<f32> {
    %w = pock.load_param @w : tensor<4x8xf32>
    %y = pock.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    %l = pock.mse_loss %y, %t : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<f32>
    return %l : tensor<f32>
  }
}
