//===- PockRandomOps.td - counter-based random numbers -----*- tablegen -*-===//

#ifndef POCK_RANDOM_OPS_TD
#define POCK_RANDOM_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_Seed : 0DTensorOf<[I64]>;

def Pock_DropoutOp : Pock_PureOp<"dropout", RandomRole, [Pock_Elementwise, Pock_Vjp,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "zeroes entries at random and scales the others";
  let description = [{
    `result = keep ? input / (1 - p) : 0` (Srivastava et al., JMLR 15, 2014),
    each entry kept with probability `1 - p`. The generator is Philox-2x32-10
    (Salmon et al., SC 2011): a pure function of `seed`, `step`, `stream` (which
    dropout of the model) and the entry's counter
    `offset + sum(index[d] * strides[d])`. So the same seed gives the same mask
    on every target, the gradient makes the mask again instead of saving it, and
    a stride of zero shares the mask along a dimension.

    With `k = philox({low(step), stream}, low(seed))` and
    `(a, b) = philox({k0 ^ high(seed), k1 ^ high(step)}, low(seed))`, the random
    number of a counter `i` is the first word of `philox({i, b}, a)`; its upper
    24 bits are a fraction u of one, and the entry is kept if `u >= p`.

    Constraints: `dropout_c1`: `0 <= p < 1`, also as f32; `dropout_c2`: one
    stride per dimension; `dropout_c3`: `stream` and `offset` fit 32 bits.

    Example:
    ```mlir
    %y = pock.dropout %x, %seed, %step {p = 0.1 : f64, stream = 0 : i64, strides = array<i64: 4, 1>}
        : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$input, Pock_Seed:$seed, Pock_Seed:$step,
                       F64Attr:$p, I64Attr:$stream, DenseI64ArrayAttr:$strides,
                       DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // POCK_RANDOM_OPS_TD
