//===- Winograd.h - convolutions by transformed tiles -----------*- C++ -*-===//

#ifndef POCK_CONVERSION_WINOGRAD_H
#define POCK_CONVERSION_WINOGRAD_H

#include "Window.h"

namespace mlir::pock {

/// Makes a part of a filter, `[3, 3, in, out]`: `in` input channels times `out`
/// output channels, from the given first ones on.
using FilterBuilder =
    function_ref<Value(OpBuilder &, OpFoldResult firstIn, int64_t in,
                       OpFoldResult firstOut, int64_t out)>;

/// The convolution of `input` `[n, h, w, c]` with a filter of `out` output
/// channels by `window`, which has stride and dilation 1, of spatial sizes
/// `outputs`. `isRead` says that an elementwise op of the kernel reads the
/// result. `cache` is the number of bytes that a kernel can work on again
/// without fetching them anew. Null if the windows read only padding.
Value buildWinograd(OpBuilder &b, Location loc, int64_t cache,
                    const Window &window, Value input,
                    FilterBuilder buildFilter, int64_t out,
                    ArrayRef<int64_t> outputs, bool isRead);

/// Whether the kernel has readers of `result` other than its return.
bool isReadInKernel(Value result);

/// The part of a filter `[3, 3, channels, channels]` that a `FilterBuilder`
/// makes: `rows` and `columns` of the last two dimensions.
Value buildFilterPart(OpBuilder &b, Location loc, Value filter,
                      OpFoldResult firstRow, int64_t rows,
                      OpFoldResult firstColumn, int64_t columns);

/// The gradient `[3, 3, c, f]` of the filter of such a convolution, from its
/// input and the gradient `[n, h', w', f]` of its result. `cache`, `isRead` and
/// null as above.
Value buildWinogradWeightGradient(OpBuilder &b, Location loc, int64_t cache,
                                  const Window &window, Value input,
                                  Value gradient, bool isRead);

} // namespace mlir::pock

#endif // POCK_CONVERSION_WINOGRAD_H
