//===- LowerBytes.cpp - Ops on bytes to instructions or arithmetic --------===//
//
// Both forms compute the same integers. With the target's instructions, the
// loop of `pock.dot_quads` carries pointers, because the load of four words
// advances its address.
//
//===----------------------------------------------------------------------===//

#include "LowerBytes.h"
#include "ByteEmitter.h"
#include "FunctionPatterns.h"
#include "Isa/ByteInstructions.h"
#include "Pock/IR/ByteOps.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mlir::pock {
namespace {

using Values = SmallVector<Value>;

/// Emits a product, group by group. A subclass knows where operands are.
class QuadsEmitter {
public:
  QuadsEmitter(PatternRewriter &b, DotQuadsOp op)
      : b(b), op(op), loc(op.getLoc()), columns(op.getSums().size()) {}
  virtual ~QuadsEmitter() = default;

  Values emit() {
    auto terms = static_cast<int64_t>(op.getTerms());
    int64_t groups = terms / 4,
            unroll = chooseUnroll(groups, /*mostWithoutLoop=*/6);
    Values carried = begin();
    carried.append(op.getSums().begin(), op.getSums().end());
    int64_t loops = unroll ? groups / unroll : 0;
    if (loops == 1) {
      carried = emitGroups(carried, unroll);
    } else if (loops > 1) {
      auto loop = scf::ForOp::create(
          b, loc, index(0), index(loops), index(1), carried,
          [&](OpBuilder &, Location, Value, ValueRange values) {
            scf::YieldOp::create(b, loc, emitGroups(Values(values), unroll));
          });
      carried = Values(loop.getResults());
    }
    carried = emitGroups(carried, groups - loops * unroll);
    if (terms % 4)
      carried = emitGroup(carried, 0, terms % 4);
    return Values(ArrayRef<Value>(carried).take_back(columns));
  }

protected:
  /// The positions in panel and row, which each group advances.
  virtual Values begin() = 0;
  /// Loads `bytes` entries of the row at `distance` from its position.
  virtual Value loadRow(ArrayRef<Value> position, int64_t distance,
                        int64_t bytes) = 0;
  /// Loads a word per column, and advances the panel's position.
  virtual Values loadPanel(MutableArrayRef<Value> position) = 0;
  virtual void advanceRow(MutableArrayRef<Value> position, int64_t bytes) = 0;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value value, int64_t distance) {
    return distance
               ? Value(arith::AddIOp::create(b, loc, value, index(distance)))
               : value;
  }

  PatternRewriter &b;
  DotQuadsOp op;
  Location loc;
  int64_t columns;

private:
  Values emitGroups(Values carried, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      carried = emitGroup(carried, 4 * i, 4);
    if (count)
      advanceRow(carried, 4 * count);
    return carried;
  }

  Values emitGroup(Values carried, int64_t distance, int64_t bytes) {
    Value word = loadRow(carried, distance, bytes);
    Type pair = b.getIntegerType(16, /*isSigned=*/true);
    for (bool odd : {false, true}) {
      Value row = WidenBytesOp::create(b, loc, b.getI32Type(), word, odd);
      Values words = loadPanel(carried);
      MutableArrayRef<Value> sums =
          MutableArrayRef<Value>(carried).take_back(columns);
      for (auto [sum, column] : llvm::zip_equal(sums, words))
        sum =
            DotOp::create(b, loc, b.getI32Type(), sum, row, column, pair, pair);
    }
    return carried;
  }
};

/// Operands by index.
class IndexedQuads : public QuadsEmitter {
public:
  using QuadsEmitter::QuadsEmitter;

private:
  Values begin() override { return {op.getPanelIndex(), op.getRowIndex()}; }

  Value loadRow(ArrayRef<Value> position, int64_t distance,
                int64_t bytes) override {
    return LoadWordOp::create(b, loc, b.getI32Type(), op.getRow(),
                              add(position[1], distance), bytes);
  }

  Values loadPanel(MutableArrayRef<Value> position) override {
    Values words;
    for (int64_t c = 0; c < columns; ++c)
      words.push_back(
          memref::LoadOp::create(b, loc, op.getPanel(), add(position[0], c)));
    position[0] = add(position[0], columns);
    return words;
  }

  void advanceRow(MutableArrayRef<Value> position, int64_t bytes) override {
    position[1] = add(position[1], bytes);
  }
};

/// `pointer` moved by `bytes`.
Value advance(OpBuilder &b, Location loc, Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(bytes));
}

/// Loads the first `bytes` bytes of a word at `pointer`, of any alignment.
Value loadBytes(OpBuilder &b, Location loc, Value pointer, int64_t bytes) {
  Value word;
  // Halves first: three bytes are a half and a byte.
  for (int64_t done = 0; done < bytes;) {
    int64_t size = bytes - done >= 4 ? 4 : bytes - done >= 2 ? 2 : 1;
    Value part = LLVM::LoadOp::create(b, loc, b.getIntegerType(8 * size),
                                      advance(b, loc, pointer, done),
                                      /*alignment=*/1);
    if (size < 4)
      part = LLVM::ZExtOp::create(b, loc, b.getI32Type(), part);
    if (done) {
      Value places = LLVM::ConstantOp::create(b, loc, b.getI32Type(),
                                              b.getI32IntegerAttr(8 * done));
      part = LLVM::ShlOp::create(b, loc, part, places);
    }
    word = word ? Value(LLVM::OrOp::create(b, loc, word, part)) : part;
    done += size;
  }
  return word;
}

/// Operands by pointer, with an instruction that loads four words.
class PointerQuads : public QuadsEmitter {
public:
  PointerQuads(PatternRewriter &b, DotQuadsOp op, const ByteInstructions &isa)
      : QuadsEmitter(b, op), isa(isa) {}

private:
  Values begin() override {
    return {pointer(op.getPanel(), op.getPanelIndex(), 4),
            pointer(op.getRow(), op.getRowIndex(), 1)};
  }

  Value pointer(Value buffer, Value position, int64_t bytes) {
    Value address =
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer);
    Value offset = position;
    if (bytes != 1)
      offset = arith::MulIOp::create(b, loc, offset, index(bytes));
    address = arith::AddIOp::create(b, loc, address, offset);
    address = arith::IndexCastOp::create(b, loc, b.getI32Type(), address);
    return LLVM::IntToPtrOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext()), address);
  }

  Value loadRow(ArrayRef<Value> position, int64_t distance,
                int64_t bytes) override {
    return loadBytes(b, loc, advance(b, loc, position[1], distance), bytes);
  }

  Values loadPanel(MutableArrayRef<Value> position) override {
    Type i32 = b.getI32Type(), ptr = position[0].getType();
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                                 {i32, i32, i32, i32, ptr});
    auto loaded = LLVM::InlineAsmOp::create(
        b, loc, TypeRange(type), ValueRange(position[0]), isa.loadFour,
        isa.constraints, /*has_side_effects=*/false, /*is_align_stack=*/false,
        LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
        ArrayAttr());
    auto part = [&](int64_t i) -> Value {
      return LLVM::ExtractValueOp::create(b, loc, loaded.getResult(0), i);
    };
    position[0] = part(4);
    return {part(0), part(1), part(2), part(3)};
  }

  void advanceRow(MutableArrayRef<Value> position, int64_t bytes) override {
    position[1] = advance(b, loc, position[1], bytes);
  }

  const ByteInstructions &isa;
};

/// A lowering to the instructions `isa`, or to arithmetic if it is null.
template <typename Op>
struct LowerByteOp : OpRewritePattern<Op> {
  LowerByteOp(MLIRContext *context, const ByteInstructions *isa)
      : OpRewritePattern<Op>(context), isa(isa) {}

  const ByteInstructions *isa;
};

struct LowerDotQuads : LowerByteOp<DotQuadsOp> {
  using LowerByteOp::LowerByteOp;

  LogicalResult matchAndRewrite(DotQuadsOp op,
                                PatternRewriter &b) const override {
    if (isa && op.getSums().size() == 4)
      b.replaceOp(op, PointerQuads(b, op, *isa).emit());
    else
      b.replaceOp(op, IndexedQuads(b, op).emit());
    return success();
  }
};

struct LowerWidenBytes : LowerByteOp<WidenBytesOp> {
  using LowerByteOp::LowerByteOp;

  LogicalResult matchAndRewrite(WidenBytesOp op,
                                PatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type i32 = b.getI32Type();
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(b, loc, i32, value);
    };
    Value word = op.getWord();
    auto zero = static_cast<int64_t>(op.getZero());
    if (isa) {
      if (op.getOdd())
        word = LLVM::FshrOp::create(b, loc, word, word, constant(8));
      int64_t half = -zero & 0xffff;
      Values operands{word};
      if (zero)
        operands = {constant(static_cast<int32_t>(half << 16 | half)), word};
      b.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
          op, i32, b.getStringAttr(zero ? isa->widenAdd : isa->widen),
          operands);
      return success();
    }
    // Move each byte to the top, and back down with its sign.
    auto widen = [&](int64_t above) -> Value {
      Value top =
          above ? Value(arith::ShLIOp::create(b, loc, word, constant(above)))
                : word;
      Value byte = arith::ShRSIOp::create(b, loc, top, constant(24));
      return zero ? Value(arith::SubIOp::create(b, loc, byte, constant(zero)))
                  : byte;
    };
    Value low = arith::AndIOp::create(b, loc, widen(op.getOdd() ? 16 : 24),
                                      constant(0xffff));
    Value high =
        arith::ShLIOp::create(b, loc, widen(op.getOdd() ? 0 : 8), constant(16));
    b.replaceOpWithNewOp<arith::OrIOp>(op, low, high);
    return success();
  }
};

struct LowerMultiplyHalves : LowerByteOp<MultiplyHalvesOp> {
  using LowerByteOp::LowerByteOp;

  LogicalResult matchAndRewrite(MultiplyHalvesOp op,
                                PatternRewriter &b) const override {
    Location loc = op.getLoc();
    if (isa) {
      b.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
          op, b.getI32Type(),
          b.getStringAttr(
              isa->multiplyHalves[op.getLhsUpper()][op.getRhsUpper()]),
          ValueRange{op.getLhs(), op.getRhs(), op.getSum()});
      return success();
    }
    Value places = arith::ConstantIntOp::create(b, loc, b.getI32Type(), 16);
    auto half = [&](Value word, bool upper) -> Value {
      if (!upper)
        word = arith::ShLIOp::create(b, loc, word, places);
      return arith::ShRSIOp::create(b, loc, word, places);
    };
    Value product =
        arith::MulIOp::create(b, loc, half(op.getLhs(), op.getLhsUpper()),
                              half(op.getRhs(), op.getRhsUpper()));
    b.replaceOpWithNewOp<arith::AddIOp>(op, op.getSum(), product);
    return success();
  }
};

struct LowerDotLanes : LowerByteOp<DotLanesOp> {
  using LowerByteOp::LowerByteOp;

  LogicalResult matchAndRewrite(DotLanesOp op,
                                PatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<VectorType>(op.getLhs().getType());
    Type i32 = b.getI32Type();
    if (isa && isa->hasLanes()) {
      // Signed numbers, added, lane by lane.
      Value no = arith::ConstantIntOp::create(b, loc, i32, 0);
      b.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
          op, i32,
          b.getStringAttr(type.getElementType().isInteger(8) ? isa->dotBytes
                                                             : isa->dotHalves),
          ValueRange{no, no, no, op.getSum(), op.getLhs(), op.getRhs()});
      return success();
    }
    auto widen = [&](Value lanes) -> Value {
      return arith::ExtSIOp::create(b, loc, type.clone(i32), lanes);
    };
    Value products =
        arith::MulIOp::create(b, loc, widen(op.getLhs()), widen(op.getRhs()));
    b.replaceOpWithNewOp<vector::ReductionOp>(op, vector::CombiningKind::ADD,
                                              products, op.getSum());
    return success();
  }
};

struct LowerLoadWord : ConvertOpToLLVMPattern<LoadWordOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(LoadWordOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value pointer = getStridedElementPtr(
        rewriter, op.getLoc(), op.getSource().getType(), adaptor.getSource(),
        ValueRange(adaptor.getIndex()));
    rewriter.replaceOp(op, loadBytes(rewriter, op.getLoc(), pointer,
                                     static_cast<int64_t>(op.getBytes())));
    return success();
  }
};

} // namespace

LogicalResult lowerBytes(ModuleOp module, const TargetDescription &target) {
  const ByteInstructions *isa = findByteInstructions(target);
  RewritePatternSet patterns(module.getContext());
  patterns
      .add<LowerDotLanes, LowerDotQuads, LowerMultiplyHalves, LowerWidenBytes>(
          module.getContext(), isa);
  return applyToFunctions(module, std::move(patterns));
}

void populateLoadWordToLLVMPatterns(const LLVMTypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<LowerLoadWord>(converter);
}

} // namespace mlir::pock
