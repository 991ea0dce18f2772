//===- ByteEmitter.h - Code that layers of bytes share ----------*- C++ -*-===//
//
// Emits the statements around a sum of products for a few points whose sums are
// in registers, and loops, addresses and flat buffers.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_BYTEEMITTER_H
#define POCK_BACKENDS_CPU_BYTEEMITTER_H

#include "ByteLayer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <map>

namespace mlir::pock {

/// How many groups of terms one iteration of a loop computes. Few groups, at
/// most `mostWithoutLoop`, need no loop. A factor without a remainder saves
/// code.
int64_t chooseUnroll(int64_t groups, int64_t mostWithoutLoop);

/// Builds index arithmetic and loops.
class ByteBuilder {
public:
  ByteBuilder(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value word(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, b.getI32Type(), value);
  }
  Value add(Value value, int64_t distance);
  Value add(Value lhs, Value rhs);
  Value multiply(Value value, int64_t factor);
  /// Whether `value` is an entry of [0, size).
  Value isWithin(Value value, int64_t size);

  /// Emits `body` for each index of [0, count); one iteration needs no loop.
  void loop(int64_t count, llvm::function_ref<void(Value)> body);
  /// Emits `body` for each combination of indices, one per count.
  void loops(ArrayRef<int64_t> counts,
             llvm::function_ref<void(ArrayRef<Value>)> body);
  /// Emits blocks of up to `size` indices, all of the same size except the last
  /// one; `body` gets the first index of a block and the number of indices.
  void blocks(int64_t count, int64_t size,
              llvm::function_ref<void(Value, int64_t)> body);
  void branch(Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise);

  /// `root` as a one-dimensional memref.
  Value flat(Value root);
  /// A temporary of the kernel.
  Value scratch(int64_t count, Type element);

  OpBuilder &b;
  Location loc;

private:
  std::map<const void *, Value> flats;
};

/// A point of a nest: a position in each loop, which is a value (null: zero)
/// plus a constant.
struct BytePoint {
  SmallVector<Value> base;
  SmallVector<int64_t> fixed;

  explicit BytePoint(const Nest &nest)
      : base(nest.loops.size()), fixed(nest.loops.size(), 0) {}
  /// Sets the position in `loop`, if it is a loop of the nest.
  void set(int loop, Value value, int64_t constant = 0) {
    if (loop < 0)
      return;
    base[loop] = value;
    fixed[loop] = constant;
  }
};

/// Values that code after them may use: the dynamic parts of addresses by their
/// strides, and elements by buffer, type, dynamic part and offset.
struct ByteValues {
  std::map<SmallVector<int64_t>, Value> indices;
  std::map<std::tuple<const void *, const void *, const void *, int64_t>, Value>
      loads;
};

/// Emits the statements of a layer at `points`, which have the same `base`.
class PointEmitter {
public:
  PointEmitter(ByteBuilder &bytes, ByteLayer &layer,
               const DenseSet<Operation *> &registers,
               ArrayRef<BytePoint> points, const ByteValues &known = {})
      : bytes(bytes), layer(layer), registers(registers), points(points),
        known(known) {}

  /// Loads what the statements read that is the same for all points, which only
  /// have positions in the loops outside.
  ByteValues load(ArrayRef<int> loopsInside = {});
  /// The values from which the sums start. Emits the statements before them,
  /// and loads what the ones after them read once for all points.
  SmallVector<Value> begin();
  /// Emits the statements after the sums, and stores what they write, except to
  /// `kept`, whose values are returned.
  SmallVector<Value> finish(ArrayRef<Value> sums, Value kept = {});

private:
  using Values = SmallVector<Value>;
  struct Written {
    Access *access;
    Values values;
  };

  void emit(Statement &statement);
  Value index(const Access &access, const BytePoint &point);
  Value read(Access &access, size_t point);
  Written *findWritten(const Access &access);
  void write(Access &access, Values values);
  void store(const Written &entry);

  ByteBuilder &bytes;
  ByteLayer &layer;
  const DenseSet<Operation *> &registers;
  ArrayRef<BytePoint> points;
  SmallVector<Written> written;
  ByteValues known;
};

/// Folds the addition of a value that is defined before `sums` to each of them
/// into their starts; `start(i)` is the operand of sum number `i`.
void foldStarts(ArrayRef<Value> sums,
                llvm::function_ref<OpOperand &(size_t)> start);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTEEMITTER_H
