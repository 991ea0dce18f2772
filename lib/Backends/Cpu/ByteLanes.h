//===- ByteLanes.h - Products of rows of bytes by vectors -------*- C++ -*-===//
//
// For processors that multiply vectors of bytes and add all products to one sum
// (`pock.dot_lanes`): rows stay as they are in memory.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_BYTELANES_H
#define POCK_BACKENDS_CPU_BYTELANES_H

#include "ByteEmitter.h"

namespace mlir::pock {

/// Rows of bytes in a flat buffer; without a buffer, rows of ones.
struct ByteRows {
  Value buffer;
  /// The first entry of each row.
  SmallVector<Value> firsts;
  /// Whether bytes after the end of a row may be read, up to a whole vector.
  bool readableAfter = false;
  /// The rows themselves, if each is one vector that has been loaded already.
  SmallVector<Value> loaded;
};

class LaneEmitter {
public:
  static constexpr int64_t kLanes = 16;

  LaneEmitter(ByteBuilder &bytes, int64_t terms) : bytes(bytes), terms(terms) {}

  /// Loads `rows`, if each is one vector.
  void loadRows(ByteRows &rows);
  /// Adds the products of each of `rows` with the only row of `weight` to its
  /// sum. `starts` receives the operands with `sums`.
  SmallVector<Value> emit(const ByteRows &rows, const ByteRows &weight,
                          ArrayRef<Value> sums,
                          SmallVectorImpl<OpOperand *> &starts);

private:
  using Values = SmallVector<Value>;

  Value load(const ByteRows &rows, size_t number, Value offset, int64_t count);
  Values emitPiece(const ByteRows &rows, const ByteRows &weight,
                   ArrayRef<Value> sums, Value offset, int64_t count);

  ByteBuilder &bytes;
  int64_t terms;
};

/// Copies `count` bytes from `source` to `target`. Bytes after them are written
/// too, up to a whole vector.
void copyByLanes(ByteBuilder &bytes, Value source, Value from, Value target,
                 Value to, int64_t count);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTELANES_H
