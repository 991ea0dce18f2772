//===- ByteEmitter.cpp - Code that layers of bytes share ------------------===//

#include "ByteEmitter.h"
#include "../Shared/NestBody.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// Arithmetic and loops
//===----------------------------------------------------------------------===//

int64_t pock::chooseUnroll(int64_t groups, int64_t mostWithoutLoop) {
  if (groups <= mostWithoutLoop)
    return groups;
  for (int64_t factor : {4, 3, 2})
    if (groups % factor == 0)
      return factor;
  return 4;
}

static constexpr auto kNoWrap = arith::IntegerOverflowFlags::nsw;

Value ByteBuilder::add(Value value, int64_t distance) {
  if (!value)
    return constant(distance);
  return distance ? Value(arith::AddIOp::create(b, loc, value,
                                                constant(distance), kNoWrap))
                  : value;
}

Value ByteBuilder::add(Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return lhs ? lhs : rhs;
  return arith::AddIOp::create(b, loc, lhs, rhs, kNoWrap);
}

Value ByteBuilder::multiply(Value value, int64_t factor) {
  if (!value || factor == 0)
    return {};
  return factor == 1 ? value
                     : Value(arith::MulIOp::create(b, loc, value,
                                                   constant(factor), kNoWrap));
}

Value ByteBuilder::isWithin(Value value, int64_t size) {
  // Negative numbers are large ones without a sign.
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, value,
                               constant(size));
}

void ByteBuilder::loop(int64_t count, llvm::function_ref<void(Value)> body) {
  if (count == 1)
    return body(constant(0));
  // The loop is in the function before its body is built, so that the body may
  // ask what dominates it.
  auto loop =
      scf::ForOp::create(b, loc, constant(0), constant(count), constant(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void ByteBuilder::loops(ArrayRef<int64_t> counts,
                        llvm::function_ref<void(ArrayRef<Value>)> body) {
  SmallVector<Value> indices;
  std::function<void()> emit = [&] {
    if (indices.size() == counts.size())
      return body(indices);
    loop(counts[indices.size()], [&](Value iv) {
      indices.push_back(iv);
      emit();
      indices.pop_back();
    });
  };
  emit();
}

void ByteBuilder::blocks(int64_t count, int64_t size,
                         llvm::function_ref<void(Value, int64_t)> body) {
  if (int64_t whole = count / size)
    loop(whole, [&](Value iv) { body(multiply(iv, size), size); });
  if (int64_t rest = count % size)
    body(constant(count - rest), rest);
}

void ByteBuilder::branch(Value condition, llvm::function_ref<void()> then,
                         llvm::function_ref<void()> otherwise) {
  auto either = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.restoreInsertionPoint(either.getThenBodyBuilder().saveInsertionPoint());
  then();
  b.restoreInsertionPoint(either.getElseBodyBuilder().saveInsertionPoint());
  otherwise();
}

Value ByteBuilder::flat(Value root) {
  Value &result = flats[root.getAsOpaquePointer()];
  if (result)
    return result;
  auto type = cast<MemRefType>(root.getType());
  if (type.getRank() == 1)
    return result = root;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfterValue(root);
  int64_t count = type.getNumElements();
  return result = memref::ReinterpretCastOp::create(
             b, loc, MemRefType::get({count}, type.getElementType()), root,
             /*offset=*/0, ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
}

Value ByteBuilder::scratch(int64_t count, Type element) {
  OpBuilder::InsertionGuard guard(b);
  auto func = b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(func))
    func = func->getParentOfType<func::FuncOp>();
  b.setInsertionPointToStart(&cast<func::FuncOp>(func).getBody().front());
  return memref::AllocOp::create(b, loc, MemRefType::get({count}, element));
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

Value PointEmitter::index(const Access &access, const BytePoint &point) {
  SmallVector<int64_t> key;
  for (auto [base, stride] : llvm::zip_equal(point.base, access.strides))
    key.push_back(base ? stride : 0);
  auto [it, inserted] = known.indices.try_emplace(key, Value());
  if (!inserted)
    return it->second;
  Value sum;
  for (auto [base, stride] : llvm::zip_equal(point.base, access.strides))
    sum = bytes.add(sum, bytes.multiply(base, stride));
  return it->second = sum;
}

/// The known part of the place of `point` in the flat array of `access`.
static int64_t offsetOf(const Access &access, const BytePoint &point) {
  int64_t offset = access.offset;
  for (auto [fixed, stride] : llvm::zip_equal(point.fixed, access.strides))
    offset += fixed * stride;
  return offset;
}

PointEmitter::Written *PointEmitter::findWritten(const Access &access) {
  for (Written &entry : written)
    if (entry.access->sameElement(access))
      return &entry;
  return nullptr;
}

Value PointEmitter::read(Access &access, size_t number) {
  if (!access.root)
    return access.scalar;
  if (Written *entry = findWritten(access))
    return entry->values[number];
  const BytePoint &point = points[number];
  Value base = index(access, point);
  int64_t offset = offsetOf(access, point);
  Value &value = known.loads[{
      access.root.getAsOpaquePointer(), access.elementType.getAsOpaquePointer(),
      base ? base.getAsOpaquePointer() : nullptr, offset}];
  if (!value)
    value = memref::LoadOp::create(bytes.b, bytes.loc, bytes.flat(access.root),
                                   bytes.add(base, offset));
  return value;
}

void PointEmitter::write(Access &access, Values values) {
  if (Written *entry = findWritten(access))
    entry->values = std::move(values);
  else
    written.push_back({&access, std::move(values)});
}

void PointEmitter::emit(Statement &statement) {
  SmallVector<Values> results(statement.outs.size());
  for (size_t i = 0; i < points.size(); ++i) {
    Values operands;
    for (Access &access : statement.ins)
      operands.push_back(read(access, i));
    for (auto [o, access] : llvm::enumerate(statement.outs))
      operands.push_back(statement.readsOut(o) ? read(access, i) : Value());
    Values values = emitBody(bytes.b, statement, operands, /*lanes=*/1,
                             [](unsigned) { return Value(); });
    for (auto [o, value] : llvm::enumerate(values))
      results[o].push_back(value);
  }
  for (auto [access, values] : llvm::zip_equal(statement.outs, results))
    write(access, std::move(values));
}

ByteValues PointEmitter::load(ArrayRef<int> loopsInside) {
  MutableArrayRef<Statement> statements = layer.nest.statements;
  auto isMade = [&](const Access &access) {
    return llvm::any_of(statements, [&](Statement &other) {
      return llvm::any_of(other.outs,
                          [&](Access &out) { return out.root == access.root; });
    });
  };
  auto isSame = [&](const Access &access) {
    if (!access.root || isMade(access) ||
        llvm::any_of(loopsInside,
                     [&](int loop) { return access.strides[loop] != 0; }))
      return false;
    for (auto [l, stride] : llvm::enumerate(access.strides))
      for (const BytePoint &point : points)
        if (stride && point.fixed[l] != points.front().fixed[l])
          return false;
    return true;
  };
  for (auto [i, statement] : llvm::enumerate(statements))
    for (Access &access : statement.ins)
      if (i != layer.sum && isSame(access))
        (void)read(access, 0);
  return known;
}

SmallVector<Value> PointEmitter::begin() {
  MutableArrayRef<Statement> statements = layer.nest.statements;
  for (Statement &statement : statements.take_front(layer.sum))
    emit(statement);
  load();
  Values starts;
  for (size_t i = 0; i < points.size(); ++i)
    starts.push_back(read(statements[layer.sum].outs.front(), i));
  return starts;
}

void PointEmitter::store(const Written &entry) {
  const Access &access = *entry.access;
  for (auto [point, value] : llvm::zip_equal(points, entry.values)) {
    Value position = bytes.add(index(access, point), offsetOf(access, point));
    memref::StoreOp::create(bytes.b, bytes.loc, value, bytes.flat(access.root),
                            position);
  }
}

SmallVector<Value> PointEmitter::finish(ArrayRef<Value> sums, Value kept) {
  write(layer.nest.statements[layer.sum].outs.front(), Values(sums));
  for (Statement &statement : MutableArrayRef<Statement>(layer.nest.statements)
                                  .drop_front(layer.sum + 1))
    emit(statement);
  Values result;
  for (Written &entry : written) {
    Value root = entry.access->root;
    if (root == kept)
      result = entry.values;
    else if (!registers.contains(root.getDefiningOp()))
      store(entry);
  }
  return result;
}

void pock::foldStarts(ArrayRef<Value> sums,
                      llvm::function_ref<OpOperand &(size_t)> start) {
  DominanceInfo dominance;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    if (!sum.hasOneUse())
      continue;
    auto add = dyn_cast<arith::AddIOp>(*sum.user_begin());
    OpOperand &operand = start(i);
    if (!add || add->getBlock() != operand.getOwner()->getBlock() ||
        !matchPattern(operand.get(), m_Zero()))
      continue;
    Value other = add.getLhs() == sum ? add.getRhs() : add.getLhs();
    if (other == sum || !dominance.properlyDominates(other, operand.getOwner()))
      continue;
    operand.set(other);
    add.replaceAllUsesWith(sum);
    add.erase();
  }
}
