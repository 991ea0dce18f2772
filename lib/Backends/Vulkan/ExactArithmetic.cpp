//===- ExactArithmetic.cpp - Arithmetic that rounds once ------------------===//
//
// Vulkan allows 2.5 units of the last place for a division, more for a square
// root, and leaves open whether `Fma` rounds once. These functions compute the
// bits with integers, like those for processors without a floating-point unit
// (lib/Backends/Cpu/Runtime/SoftFloat.h), and in the same words: between
// unpacking and packing, a number is a sign, a biased exponent and a
// significand of 31 bits, whose last bit is set if a lower bit was lost.
//
//===----------------------------------------------------------------------===//

#include "ExactArithmetic.h"
#include "Integer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::pock {
namespace {

constexpr int64_t kSign = 0x80000000, kInfinity = 0x7F800000, kNan = 0x7FC00000,
                  kImplicit = 0x00800000;

Integer magnitudeOf(Integer a) { return a & ~kSign; }
Integer signOf(Integer a) { return a & kSign; }

/// A finite number other than zero: its exponent, and its significand of 24
/// bits, whose highest bit is 1.
struct Parts {
  Integer exponent, significand;
};

Parts unpack(Integer a) {
  Integer exponent = magnitudeOf(a) >> 23, fraction = a & (kImplicit - 1);
  Integer isDenormal = exponent == 0;
  Integer shift = leadingZeros(fraction) - 8;
  return {select(isDenormal, 1 - shift, exponent),
          select(isDenormal, fraction << shift, fraction | kImplicit)};
}

/// Shifts right by at least 0 bits; lost bits go to the last bit.
Integer shiftSticky(Integer value, Integer count) {
  int64_t most = value.width() - 1;
  Integer inside = count.resize(value.width());
  inside = select(isLess(count, most + 1), inside, inside.like(most));
  Integer lost = value & ((value.like(1) << inside) - 1);
  Integer shifted = (value >> inside) | asNumber(lost != 0, value);
  return select(isLess(count, most + 1), shifted, asNumber(value != 0, value));
}

/// Rounds a significand of 31 bits, whose highest bit is 1.
Integer pack(Integer sign, Integer exponent, Integer significand) {
  Integer isDenormal = isLess(exponent, 1);
  Integer shift = select(isDenormal, 1 - exponent, exponent.like(0));
  significand = shiftSticky(significand, shift);
  Integer field = select(isDenormal, exponent.like(1), exponent);
  Integer rounded = (significand + 64) >> 7;
  rounded = select((significand & 127) == 64, rounded & ~int64_t(1), rounded);
  // The implicit bit, if there is one, adds 1 to the exponent; so does a
  // significand that was rounded up to the next power of two.
  Integer bits = ((field - 1) << 23) + rounded;
  return sign | select(isLess(exponent, 255), bits, bits.like(kInfinity));
}

/// Rounds a significand of 63 bits, whose highest bit is 1.
Integer pack64(Integer sign, Integer exponent, Integer significand) {
  Integer high = (significand >> 32).resize(32), low = significand.resize(32);
  return pack(sign, exponent, high | asNumber(low != 0, high));
}

/// `count` rounds of `body`, which takes and gives integers.
SmallVector<Integer>
repeat(int64_t count, ArrayRef<Integer> start,
       llvm::function_ref<SmallVector<Integer>(ArrayRef<Integer>)> body) {
  OpBuilder &b = start.front().builder();
  Location loc = start.front().loc();
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto valueOf = [](const Integer &integer) { return integer.value(); };
  auto loop = scf::ForOp::create(b, loc, index(0), index(count), index(1),
                                 llvm::map_to_vector(start, valueOf));
  auto integers = [&](ValueRange values) {
    return llvm::map_to_vector(
        values, [&](Value value) { return Integer(b, loc, value); });
  };
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(
      b, loc,
      llvm::map_to_vector(body(integers(loop.getRegionIterArgs())), valueOf));
  return integers(loop.getResults());
}

Integer divide(ArrayRef<Integer> arguments) {
  Integer a = arguments[0], b = arguments[1];
  Integer sign = signOf(a ^ b), x = magnitudeOf(a), y = magnitudeOf(b);
  Parts first = unpack(a), second = unpack(b);
  Integer exponent = first.exponent - second.exponent + 127;
  Integer numerator = first.significand, denominator = second.significand;
  Integer isBelow = isLess(numerator, denominator);
  numerator = select(isBelow, numerator << 1, numerator);
  exponent = select(isBelow, exponent - 1, exponent);
  SmallVector<Integer> digits =
      repeat(31, {numerator, numerator.like(0)},
             [&](ArrayRef<Integer> state) -> SmallVector<Integer> {
               Integer fits = !isLess(state[0], denominator);
               Integer rest = select(fits, state[0] - denominator, state[0])
                              << 1;
               return {rest, (state[1] << 1) | asNumber(fits, rest)};
             });
  Integer quotient = digits[1] | asNumber(digits[0] != 0, digits[1]);
  Integer result = pack(sign, exponent, quotient);
  result = select((x == 0) | (y == kInfinity), sign, result);
  result = select((y == 0) | (x == kInfinity), sign | kInfinity, result);
  Integer isNan = isLess(x.like(kInfinity), x) | isLess(y.like(kInfinity), y) |
                  ((x == 0) & (y == 0)) | ((x == kInfinity) & (y == kInfinity));
  return select(isNan, result.like(kNan), result);
}

Integer squareRoot(ArrayRef<Integer> arguments) {
  Integer a = arguments[0];
  Parts parts = unpack(a);
  Integer exponent = parts.exponent - 127;
  // An odd exponent gives one bit to the significand.
  Integer rest = parts.significand << ((exponent & 1) + 1);
  // Digit by digit; the second number is twice the root so far.
  SmallVector<Integer> digits =
      repeat(25, {rest, rest.like(0), rest.like(0), rest.like(1 << 24)},
             [&](ArrayRef<Integer> state) -> SmallVector<Integer> {
               Integer bit = state[3], trial = state[1] + bit;
               Integer fits = !isLess(state[0], trial);
               Integer rest = select(fits, state[0] - trial, state[0]) << 1;
               return {rest, select(fits, state[1] + (bit << 1), state[1]),
                       select(fits, state[2] | bit, state[2]), bit >> 1};
             });
  Integer root = (digits[2] << 6) | asNumber(digits[0] != 0, rest);
  Integer result = pack(a.like(0), shiftRightSigned(exponent, 1) + 127, root);
  Integer keeps = (magnitudeOf(a) == 0) | (a == kInfinity);
  Integer isNan = isLess(a.like(kInfinity), magnitudeOf(a)) | (signOf(a) != 0);
  result = select(isNan, result.like(kNan), result);
  return select(keeps, a, result);
}

/// a x b + c, rounded once, of finite numbers other than zero.
Integer fuse(Integer a, Integer b, Integer c) {
  Integer sign = signOf(a ^ b);
  Parts first = unpack(a), second = unpack(b), third = unpack(c);
  Integer exponent = first.exponent + second.exponent - 126;
  // Significands of 62 bits. The product is exact: 48 bits and zeros. Hence
  // bits are lost only of a term that is much smaller than the other.
  Integer product = (first.significand << 7).resize(64) *
                    (second.significand << 7).resize(64);
  Integer isBelow = (product >> 61) == 0;
  product = select(isBelow, product << 1, product);
  exponent = select(isBelow, exponent - 1, exponent);
  Integer term = third.significand.resize(64) << 38;
  Integer distance = exponent - third.exponent, none = distance.like(0);
  Integer isLarger = !isLess(distance, 0);
  term = shiftSticky(term, select(isLarger, distance, none));
  product = shiftSticky(product, select(isLarger, none, 0 - distance));
  exponent = select(isLarger, exponent, third.exponent);
  Integer differs = signOf(a ^ b ^ c) != 0, isMore = isLess(product, term);
  Integer difference = select(isMore, term - product, product - term);
  Integer sum = select(differs, difference, product + term);
  sign = select(differs & isMore, sign ^ kSign, sign);
  Integer high = (sum >> 32).resize(32), low = sum.resize(32);
  Integer shift =
      select(high != 0, leadingZeros(high), leadingZeros(low) + 32) - 1;
  // A sum of 0 is shifted by 63 bits.
  Integer result = pack64(sign, exponent + 1 - shift, sum << shift.resize(64));
  return select(sum == 0, result.like(0), result);
}

Integer fusedMultiplyAdd(ArrayRef<Integer> arguments) {
  Integer a = arguments[0], b = arguments[1], c = arguments[2];
  Integer x = magnitudeOf(a), y = magnitudeOf(b), z = magnitudeOf(c);
  Integer product = a.fromFloats<arith::MulFOp>(b);
  Integer isAlone = z == 0, isZero = (x == 0) | (y == 0);
  Integer result = select(isAlone, product, fuse(a, b, c));
  // Not an addition: some drivers replace x + 0 by x, also where x is -0.
  result = select(isZero, select(isAlone, product & c, c), result);
  result = select(isLess(z, kInfinity), result, c);
  Integer isFinite = isLess(x, kInfinity) & isLess(y, kInfinity);
  return select(isFinite, result, product.fromFloats<arith::AddFOp>(c));
}

using Formula = Integer (*)(ArrayRef<Integer>);

/// The function on f32 of `formula`, which computes with the bits.
func::FuncOp buildFunction(gpu::GPUModuleOp shaders, StringRef name,
                           unsigned arguments, Formula formula) {
  OpBuilder b = OpBuilder::atBlockEnd(shaders.getBody());
  Location loc = shaders.getLoc();
  Type f32 = b.getF32Type();
  auto function = func::FuncOp::create(
      b, loc, name, b.getFunctionType(SmallVector<Type>(arguments, f32), f32));
  function.setPrivate();
  b.setInsertionPointToStart(function.addEntryBlock());
  auto bits = llvm::map_to_vector(function.getArguments(), [&](Value value) {
    return Integer(b, loc,
                   arith::BitcastOp::create(b, loc, b.getI32Type(), value));
  });
  Value result = arith::BitcastOp::create(b, loc, f32, formula(bits).value());
  func::ReturnOp::create(b, loc, result);
  return function;
}

/// The larger (or smaller) number; NaN if one is NaN, and of two zeros the one
/// with the sign that is larger (smaller).
Value selectExtreme(OpBuilder &b, Operation *op) {
  Location loc = op->getLoc();
  Value x = op->getOperand(0), y = op->getOperand(1);
  bool isMaximum = isa<arith::MaximumFOp>(op);
  auto compare = [&](arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  };
  Value isFirst = compare(
      isMaximum ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, y);
  auto bitsOf = [&](Value value) -> Value {
    return arith::BitcastOp::create(b, loc, b.getI32Type(), value);
  };
  Value both =
      isMaximum
          ? arith::AndIOp::create(b, loc, bitsOf(x), bitsOf(y)).getResult()
          : arith::OrIOp::create(b, loc, bitsOf(x), bitsOf(y)).getResult();
  Value equal = arith::BitcastOp::create(b, loc, b.getF32Type(), both);
  Value other = arith::SelectOp::create(
      b, loc, compare(arith::CmpFPredicate::OEQ, x, y), equal, y);
  Value result = arith::SelectOp::create(b, loc, isFirst, x, other);
  Value sum = arith::AddFOp::create(b, loc, x, y);
  return arith::SelectOp::create(
      b, loc, compare(arith::CmpFPredicate::UNO, x, y), sum, result);
}

struct Replacement {
  StringRef name;
  Formula formula;
};

/// The function that replaces `op`, or nothing.
Replacement functionFor(Operation *op) {
  return llvm::TypeSwitch<Operation *, Replacement>(op)
      .Case([](arith::DivFOp) { return Replacement{"pock_divide", divide}; })
      .Case([](math::SqrtOp) {
        return Replacement{"pock_square_root", squareRoot};
      })
      .Case([](math::FmaOp) {
        return Replacement{"pock_fused_multiply_add", fusedMultiplyAdd};
      })
      .Default(Replacement{});
}

/// 1 / sqrt(x) in two operations, as other targets compute it.
void expandReciprocalRoot(math::RsqrtOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value root = math::SqrtOp::create(b, loc, op.getOperand());
  Value one = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(1.0f));
  op.replaceAllUsesWith(arith::DivFOp::create(b, loc, one, root).getResult());
  op.erase();
}

} // namespace

void makeArithmeticExact(gpu::GPUModuleOp shaders) {
  auto isFloat = [](Operation *op) {
    return op->getNumResults() == 1 && op->getResult(0).getType().isF32();
  };
  shaders.walk([&](math::RsqrtOp op) {
    if (isFloat(op))
      expandReciprocalRoot(op);
  });
  SmallVector<Operation *> found;
  shaders.walk([&](Operation *op) {
    if (isFloat(op) && (functionFor(op).formula ||
                        isa<arith::MaximumFOp, arith::MinimumFOp>(op)))
      found.push_back(op);
  });
  for (Operation *op : found) {
    OpBuilder b(op);
    Value result;
    if (auto [name, formula] = functionFor(op); formula) {
      auto function = shaders.lookupSymbol<func::FuncOp>(name);
      if (!function)
        function = buildFunction(shaders, name, op->getNumOperands(), formula);
      result =
          func::CallOp::create(b, op->getLoc(), function, op->getOperands())
              .getResult(0);
    } else {
      result = selectExtreme(b, op);
    }
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }
}

} // namespace mlir::pock
