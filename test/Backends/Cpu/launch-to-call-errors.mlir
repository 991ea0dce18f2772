// RUN: pock-opt %s --pock-launch-to-call --verify-diagnostics

func.func private @k(tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @launch_on_tensors(%x: tensor<4xf32>, %o: tensor<4xf32>) {
  // expected-error @below {{expected buffers (pock-plan-memory)}}
  %r = pock.launch @k ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return
}
