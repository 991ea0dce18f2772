//===- ByteOps.cpp - bytes in words, and sums of their products -----------===//

#include "Pock/IR/ByteOps.h"

using namespace mlir;
using namespace mlir::pock;

#define GET_OP_CLASSES
#include "Pock/IR/PockByteOps.cpp.inc"

LogicalResult LoadWordOp::verify() {
  auto bytes = static_cast<int64_t>(getBytes());
  // load_word_c1
  if (bytes < 1 || bytes > 4)
    return emitOpError("expected 'bytes' between 1 and 4, but got ") << bytes;
  return success();
}

LogicalResult DotQuadsOp::verify() {
  // dot_quads_c1
  size_t sums = getSums().size();
  if (sums < 1 || sums > 4 || getResults().size() != sums)
    return emitOpError("expected 1 to 4 sums and as many results, but got ")
           << sums << " and " << getResults().size();
  // dot_quads_c2
  auto terms = static_cast<int64_t>(getTerms());
  if (terms < 1)
    return emitOpError("expected 'terms' to be positive, but got ") << terms;
  return success();
}
