//===- Passes.td - Passes that run the back end's pipelines *- tablegen -*-===//

#ifndef POCK_TARGET_PASSES_TD
#define POCK_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernels : Pass<"pock-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Lower kernels to buffers for the target";
  let description = [{
    Runs the kernel pipeline of the back end that accepts `pock.target`. After
    that, kernels are on buffers, and an attribute gives the size of their
    workspace:

    ```mlir
    func.func private @k(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32>
        attributes {pock.kernel} { … pock.exp … }
    // becomes, for the back end `cpu`
    func.func private @k(%x: memref<8xf32>, %out: memref<8xf32>)
        attributes {pock.kernel} { … linalg.generic … }
    ```

    Errors: no back end accepts the target; a kernel has element types that the
    back end does not support, or more buffers than it allows.
  }];
  let options = [
    Option<"winograd", "winograd", "std::string", "\"auto\"",
           "Winograd's algorithm for convolutions: `auto`, `always` or `never`">
  ];
}

def GenerateCode : Pass<"pock-generate-code", "::mlir::ModuleOp"> {
  let summary = "Lower launches and kernels to the target's code";
  let description = [{
    Runs the code pipeline of the back end that accepts `pock.target`. For the
    back end `cpu` the module is in the LLVM dialect afterwards: launches are
    calls, kernels loops over vectors.

    Errors: no back end accepts the target.
  }];
}

#endif // POCK_TARGET_PASSES_TD
