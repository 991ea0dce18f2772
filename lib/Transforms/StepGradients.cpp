//===- StepGradients.cpp - process gradients before the updates -----------===//

#include "StepGradients.h"

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

FlatSymbolRefAttr pock::declareState(OpBuilder &builder, Location loc,
                                     Twine name, RankedTensorType type,
                                     ParamOp of) {
  MLIRContext *context = builder.getContext();
  auto symbol = StringAttr::get(context, name);
  ParamOp::create(
      builder, loc, symbol, TypeAttr::get(type),
      ParamKindAttr::get(context, ParamKind::State), UnitAttr(), SliceAttr(),
      of ? of.getPermutationAttr() : DenseI64ArrayAttr(),
      of ? FlatSymbolRefAttr::get(of.getSymNameAttr()) : FlatSymbolRefAttr(),
      QuantizationAttr(), ElementsAttr());
  return FlatSymbolRefAttr::get(symbol);
}

FlatSymbolRefAttr pock::declareState(ParamOp param, StringRef name,
                                     RankedTensorType type) {
  std::string symbol = (param.getSymName() + "." + name).str();
  auto known = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
      param, StringAttr::get(param.getContext(), symbol));
  if (known && known.getKind() == ParamKind::State)
    return FlatSymbolRefAttr::get(known.getSymNameAttr());
  OpBuilder builder(param.getContext());
  builder.setInsertionPointAfter(param);
  return declareState(builder, param.getLoc(), symbol, type, param);
}

Value pock::buildInverseScale(OpBuilder &builder, ParamOp param, Type element) {
  QuantizationAttr quantization = param.getQuantizationAttr();
  if (!quantization)
    return {};
  Location loc = param.getLoc();
  auto type = cast<RankedTensorType>(param.getType());
  double inverse = 1.0 / quantization.getScale().value;
  FlatSymbolRefAttr symbol = quantization.getScales();
  if (!symbol)
    return splatConstant(builder, loc, RankedTensorType::get({}, element),
                         inverse);
  auto scales =
      RankedTensorType::get({type.getDimSize(quantization.getAxis())}, element);
  Expr loaded(builder, loc, LoadParamOp::create(builder, loc, scales, symbol));
  Expr result = loaded.constant(inverse) / loaded;
  if (SliceAttr slice = param.getSliceAttr();
      slice && slice.getAxis() == quantization.getAxis())
    result = result.make<SliceOp>(Value(result), ArrayRef<int64_t>{0},
                                  ArrayRef<int64_t>{slice.getSize()},
                                  ArrayRef<int64_t>{1});
  return result.alongAxis(quantization.getAxis(), type.getRank());
}

void pock::scaleToReal(OpBuilder &builder,
                       MutableArrayRef<ParamGradient> gradients) {
  for (auto &[param, gradient] : gradients) {
    Expr g(builder, param.getLoc(), gradient);
    if (Value inverse =
            buildInverseScale(builder, param, g.type().getElementType()))
      gradient = g * g.at(inverse);
  }
}

void pock::addAccumulated(OpBuilder &builder,
                          MutableArrayRef<ParamGradient> gradients,
                          int64_t count) {
  for (auto &[param, gradient] : gradients) {
    Location loc = param.getLoc();
    auto type = cast<RankedTensorType>(gradient.getType());
    FlatSymbolRefAttr symbol = declareState(param, "grad", type);
    Expr sum(builder, loc, LoadParamOp::create(builder, loc, type, symbol));
    sum = sum + sum.at(gradient);
    gradient = sum * (1.0 / static_cast<double>(count));
    StoreParamOp::create(builder, loc, symbol,
                         splatConstant(builder, loc, type, 0.0));
  }
}

void pock::clipValues(OpBuilder &builder,
                      MutableArrayRef<ParamGradient> gradients, double limit) {
  for (auto &[param, gradient] : gradients)
    gradient = ClampOp::create(builder, param.getLoc(), gradient.getType(),
                               gradient, builder.getF64FloatAttr(-limit),
                               builder.getF64FloatAttr(limit));
}

Value pock::clipNorm(OpBuilder &builder,
                     MutableArrayRef<ParamGradient> gradients,
                     RankedTensorType scalar, double limit) {
  std::optional<Expr> total;
  for (auto [param, gradient] : gradients) {
    Expr g(builder, param.getLoc(), gradient);
    Expr square = (g * g).sum(llvm::to_vector(llvm::seq<int64_t>(g.rank())));
    if (square.type() != scalar)
      square = square.make<CastOp>(scalar, Value(square));
    total = total ? *total + square : square;
  }
  if (!total)
    return {};
  Expr norm = apply<SqrtOp>(*total);
  Expr room = norm + 1e-6;
  Expr factor = room.constant(limit) / room;
  factor = factor.make<MinimumOp>(Value(factor), Value(factor.constant(1.0)));
  for (auto &[param, gradient] : gradients) {
    Expr g(builder, param.getLoc(), gradient);
    auto type = RankedTensorType::get({}, g.type().getElementType());
    Expr own =
        type == scalar ? factor : factor.make<CastOp>(type, Value(factor));
    gradient = g * g.at(own);
  }
  return norm;
}
