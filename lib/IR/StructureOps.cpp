//===- StructureOps.cpp - verifiers of parameters, updates, launches ------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/IR/StorableTypes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult ParamOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  // param_c1
  if (!type || !type.hasStaticShape())
    return emitOpError("expected a tensor of static shape, but got ")
           << getType();
  // param_c6
  if (failed(verifyStorable(*this, type)))
    return failure();
  // param_c5
  if (!isOutermost(*this))
    return emitOpError("expected a parameter in the outermost module");
  // param_c2
  if (getTrained() &&
      (getKind() != ParamKind::Parameter ||
       !(isa<FloatType>(type.getElementType()) || getQuantization())))
    return emitOpError("expected only a parameter of floating-point type, or "
                       "with a quantization, to be trained, but got kind ")
           << stringifyParamKind(getKind()) << " and type " << type;
  // param_c7
  if (QuantizationAttr quantization = getQuantizationAttr()) {
    Type element = type.getElementType();
    if (!element.isInteger(8) && !element.isInteger(32))
      return emitOpError("expected a quantization of i8 or i32, but got ")
             << type;
    unsigned bits = element.getIntOrFloatBitWidth();
    if (!llvm::isIntN(bits, quantization.getMin()) ||
        !llvm::isIntN(bits, quantization.getMax()) ||
        quantization.getAxis() >= type.getRank())
      return emitOpError("expected limits and axis of a quantization to fit ")
             << type << ", but got " << quantization;
  }
  // param_c8
  if (ElementsAttr value = getValueAttr())
    if (value.getType() != type || getKind() != ParamKind::Buffer)
      return emitOpError("expected a value of type ")
             << type << " of a buffer, but got type " << value.getType()
             << " and kind " << stringifyParamKind(getKind());
  // param_c3
  if (SliceAttr slice = getSliceAttr()) {
    if (!getTrained())
      return emitOpError("expected a parameter with a slice to be trained");
    if (slice.getAxis() < 0 || slice.getAxis() >= type.getRank() ||
        slice.getSize() < 1 ||
        slice.getSize() > type.getDimSize(slice.getAxis()))
      return emitOpError("expected a slice within ")
             << type << ", but got " << slice;
  }
  // param_c4
  if (std::optional<ArrayRef<int64_t>> permutation = getPermutation())
    if (static_cast<int64_t>(permutation->size()) != type.getRank() ||
        !isPermutationVector(*permutation))
      return emitOpError("expected a permutation of ")
             << type.getRank() << " dimensions";
  return success();
}

/// Looks up the parameter with the name `symbol`; emits an error if there is
/// none.
static ParamOp lookupParam(Operation *op, SymbolTableCollection &symbols,
                           FlatSymbolRefAttr symbol) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(op, symbol);
  if (!param)
    op->emitOpError("expected '")
        << symbol.getValue() << "' to be a pock.param";
  return param;
}

/// Checks that `type` is the type of the parameter.
static LogicalResult verifyParamType(Operation *op,
                                     SymbolTableCollection &symbols,
                                     FlatSymbolRefAttr symbol, Type type) {
  ParamOp param = lookupParam(op, symbols, symbol);
  if (!param)
    return failure();
  if (param.getType() != type) {
    InFlightDiagnostic diag = op->emitOpError("expected the parameter's type ")
                              << param.getType() << ", but got " << type;
    diag.attachNote(param.getLoc()) << "declared here";
    return diag;
  }
  return success();
}

ParamOp ParamOp::findRest() {
  for (ParamOp other : (*this)->getParentOfType<ModuleOp>().getOps<ParamOp>())
    if (other.getKind() == ParamKind::Rest && other.getOf() == getSymName())
      return other;
  return {};
}

RankedTensorType ParamOp::getWholeType() {
  auto type = cast<RankedTensorType>(getType());
  ParamOp rest = findRest();
  if (!rest)
    return type;
  SmallVector<int64_t> shape(type.getShape());
  int64_t axis = getSliceAttr().getAxis();
  shape[axis] += cast<RankedTensorType>(rest.getType()).getDimSize(axis);
  return type.clone(shape);
}

/// Whether `rest` can be the frozen entries behind those of `type`, the trained
/// slice.
static bool continues(RankedTensorType type, SliceAttr slice,
                      RankedTensorType rest) {
  int64_t axis = slice.getAxis();
  if (slice.getSize() != type.getDimSize(axis) ||
      type.getRank() != rest.getRank())
    return false;
  SmallVector<int64_t> shape(rest.getShape());
  shape[axis] = slice.getSize();
  return rest.clone(shape) == type;
}

LogicalResult ParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // param_c9
  if (getKind() != ParamKind::Rest)
    return success();
  if (!getOfAttr())
    return emitOpError("expected a rest to be of a parameter");
  ParamOp whole = lookupParam(*this, symbols, getOfAttr());
  if (!whole)
    return failure();
  SliceAttr slice = whole.getSliceAttr();
  if (slice && continues(cast<RankedTensorType>(whole.getType()), slice,
                         cast<RankedTensorType>(getType())))
    return success();
  InFlightDiagnostic diag = emitOpError("expected '")
                            << *getOf() << "' to be a slice that " << getType()
                            << " continues";
  diag.attachNote(whole.getLoc()) << "declared here";
  return diag;
}

LogicalResult LoadParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // load_param_c1
  return verifyParamType(*this, symbols, getParamAttr(), getType());
}

LogicalResult StoreParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // store_param_c2
  for (Operation *next = (*this)->getNextNode(); next;
       next = next->getNextNode())
    if (auto store = dyn_cast<StoreParamOp>(next))
      if (store.getParam() == getParam()) {
        InFlightDiagnostic diag = store.emitOpError("expected one store of '")
                                  << getParam() << "' in a function";
        diag.attachNote(getLoc()) << "stored here before";
        return diag;
      }
  // store_param_c1
  if (auto param =
          symbols.lookupNearestSymbolFrom<ParamOp>(*this, getParamAttr());
      param && param.getValue())
    return emitOpError(
               "expected a parameter without a value of its own, but got "
               "'")
           << getParam() << "'";
  return verifyParamType(*this, symbols, getParamAttr(), getValue().getType());
}

Value SparseUpdateOp::getGradient() {
  return cast<YieldOp>(getBody().front().getTerminator()).getGradient();
}

LogicalResult SparseUpdateOp::verifyRegions() {
  if (getBody().front().getNumArguments() != 0 ||
      !isa<YieldOp>(getBody().front().back()))
    return emitOpError(
        "expected a region without arguments that ends in pock.yield");
  return success();
}

LogicalResult SparseUpdateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // sparse_update_c1
  ParamOp param = lookupParam(*this, symbols, getParamAttr());
  if (!param)
    return failure();
  if (!param.getTrained())
    return emitOpError("expected '") << getParam() << "' to be trained";
  auto type = cast<RankedTensorType>(param.getType());
  SmallVector<int64_t> shape(type.getShape());
  if (SliceAttr slice = param.getSliceAttr())
    shape[slice.getAxis()] = slice.getSize();
  // sparse_update_c4
  if (bool(getInverseScale()) != bool(param.getQuantization()))
    return emitOpError("expected inverse_scale exactly for a parameter with a "
                       "quantization");
  // sparse_update_c5
  if (!getRandom().empty() && (getRandom().size() != 2 || !getInverseScale()))
    return emitOpError(
        "expected random to be a seed and a step, of a parameter "
        "with a quantization");
  type = RankedTensorType::get(
      shape, getInverseScale() ? getInverseScale().getType().getElementType()
                               : type.getElementType());
  // sparse_update_c2
  if (getGradient().getType() != type) {
    InFlightDiagnostic diag = emitOpError("expected a gradient of type ")
                              << type << ", but got "
                              << getGradient().getType();
    diag.attachNote(param.getLoc()) << "declared here";
    return diag;
  }
  // sparse_update_c3
  for (StringRef name : getOptimizer().getStateNames()) {
    auto symbol = StringAttr::get(getContext(), getParam() + "." + name);
    auto state = symbols.lookupNearestSymbolFrom<ParamOp>(*this, symbol);
    if (!state || state.getType() == type)
      continue;
    InFlightDiagnostic diag = emitOpError("expected the optimizer state '")
                              << symbol.getValue() << "' to be of type " << type
                              << ", but got " << state.getType();
    diag.attachNote(state.getLoc()) << "declared here";
    return diag;
  }
  return success();
}

LogicalResult FailIfOp::verify() {
  std::optional<ArrayRef<int64_t>> range = getRange();
  // fail_if_c1
  if (range && (range->size() != 2 || range->front() >= range->back()))
    return emitOpError("expected a range of two numbers, the first less than "
                       "the second");
  return success();
}

/// Removes checks that never fail, and checks of a flag that is checked before.
LogicalResult FailIfOp::canonicalize(FailIfOp op, PatternRewriter &rewriter) {
  bool needless = matchPattern(op.getFlag(), m_Zero());
  for (Operation *user : op.getFlag().getUsers())
    needless |= isa<FailIfOp>(user) && user != op &&
                user->getBlock() == op->getBlock() && user->isBeforeInBlock(op);
  if (!needless)
    return rewriter.notifyMatchFailure(op, "may be the first to fail");
  rewriter.eraseOp(op);
  return success();
}

LogicalResult LaunchOp::verify() {
  // launch_c3
  if (failed(verifyStorable(*this, getOperandTypes())) ||
      failed(verifyStorable(*this, getResultTypes())))
    return failure();
  bool tensors = llvm::any_of(getOuts().getTypes(), [](Type type) {
    return isa<RankedTensorType>(type);
  });
  // launch_c2
  if (tensors ? getOuts().getTypes() != getResultTypes() : getNumResults() != 0)
    return emitOpError(
        "expected one result of the type of each outs operand on "
        "tensors, none on buffers");
  return success();
}

/// Whether an argument of type `argument` accepts `operand`: the types are
/// equal, or, once the kernel is bufferized, it is the buffer type of the
/// tensor.
static bool accepts(Type argument, Type operand) {
  if (argument == operand)
    return true;
  auto buffer = dyn_cast<MemRefType>(argument);
  auto tensor = dyn_cast<RankedTensorType>(operand);
  return buffer && tensor && buffer.getShape() == tensor.getShape() &&
         buffer.getElementType() == tensor.getElementType();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // launch_c1
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getCalleeAttr());
  if (!kernel || !isOutermost(kernel))
    return emitOpError("expected '")
           << getCallee() << "' to be a function of the outermost module";
  // A bufferized kernel may have a workspace argument, which pock-plan-memory
  // passes.
  ArrayRef<Type> arguments = kernel.getArgumentTypes();
  size_t workspace =
      kernel->hasAttr(attribute::workspace) && getNumResults() ? 1 : 0;
  bool fits = arguments.size() == getNumOperands() + workspace;
  for (auto [argument, operand] : llvm::zip(arguments, getOperandTypes()))
    fits = fits && accepts(argument, operand);
  if (fits)
    return success();
  InFlightDiagnostic diag =
      emitOpError("expected ins and outs to be the arguments of '")
      << getCallee() << "'";
  diag.attachNote(kernel.getLoc()) << "declared here";
  return diag;
}
