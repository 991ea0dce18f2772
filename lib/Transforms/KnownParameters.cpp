//===- KnownParameters.cpp - parameters that the compiler knows -----------===//

#include "KnownParameters.h"

using namespace mlir;
using namespace mlir::pock;

SmallVector<double> pock::knownValues(ModuleOp module,
                                      FlatSymbolRefAttr symbol) {
  auto param = module.lookupSymbol<ParamOp>(symbol);
  auto values =
      param ? dyn_cast_or_null<DenseFPElementsAttr>(param.getValueAttr())
            : DenseFPElementsAttr();
  SmallVector<double> result;
  if (values)
    for (const APFloat &value : values)
      result.push_back(value.convertToDouble());
  return result;
}

Value pock::loadKnown(OpBuilder &b, Location loc, ModuleOp module, Twine name,
                      DenseElementsAttr value) {
  std::string stem = name.str(), symbol = stem;
  for (unsigned i = 1;; ++i) {
    Operation *known = module.lookupSymbol(symbol);
    auto param = dyn_cast_or_null<ParamOp>(known);
    if (param && param.getValueAttr() == value)
      break;
    if (!known) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(module.getBody());
      ParamOp::create(b, loc, b.getStringAttr(symbol),
                      TypeAttr::get(value.getType()),
                      ParamKindAttr::get(b.getContext(), ParamKind::Buffer),
                      UnitAttr(), SliceAttr(), DenseI64ArrayAttr(),
                      FlatSymbolRefAttr(), QuantizationAttr(), value);
      break;
    }
    symbol = stem + "." + std::to_string(i);
  }
  return LoadParamOp::create(b, loc, cast<RankedTensorType>(value.getType()),
                             FlatSymbolRefAttr::get(b.getContext(), symbol));
}
