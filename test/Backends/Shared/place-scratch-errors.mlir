// RUN: pock-opt %s --pock-place-scratch --split-input-file --verify-diagnostics

func.func private @dynamic(%n: index) attributes {pock.kernel} {
  // expected-error @below {{expected a temporary of static shape and identity layout at the top level of the kernel}}
  %a = memref.alloc(%n) : memref<?xf32>
  return
}
