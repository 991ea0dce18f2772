//===- ParameterPlaces.cpp - places of parameters -------------------------===//

#include "ParameterPlaces.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::pock;

ParameterPlaces::ParameterPlaces(ModuleOp module, const TargetLimits &limits)
    : alignment(limits.alignment) {
  llvm::StringSet<> written, read;
  module.walk([&](StoreParamOp op) { written.insert(op.getParam()); });
  module.walk([&](LoadParamOp op) { read.insert(op.getParam()); });
  auto place = [&](auto &&belongs, Place::Kind kind, int64_t &size) {
    for (ParamOp param : module.getOps<ParamOp>()) {
      if (!belongs(param))
        continue;
      int64_t bytes = bytesOf(param.getType());
      places[param.getSymName()] = Place{kind, size, bytes};
      size = llvm::alignTo(size + bytes, alignment);
    }
  };
  auto ofModel = [](ParamOp p) {
    return p.getKind() <= ParamKind::Buffer || p.getKind() == ParamKind::Rest;
  };
  auto fixed = [&](ParamOp p) {
    return ofModel(p) && !p.getTrained() && !written.contains(p.getSymName());
  };
  auto isStored = [&](ParamOp p) {
    return fixed(p) && (!p.getValueAttr() || read.contains(p.getSymName()));
  };
  place(isStored, Place::Constants, constants);
  auto prepared = [](ParamOp p) { return p.getKind() == ParamKind::Prepared; };
  if (limits.preparedAhead)
    place(prepared, Place::Constants, constants);
  else
    place(prepared, Place::State, state);
  place([&](ParamOp p) { return ofModel(p) && !fixed(p); }, Place::State,
        state);
  optimizer = state;
  place([](ParamOp p) { return p.getKind() == ParamKind::State; }, Place::State,
        state);
}
