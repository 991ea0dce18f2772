//===- OutlineParallel.cpp - omp.parallel -> GOMP_parallel ----------------===//
//
// Upstream's translation of `omp.parallel` only supports LLVM's own runtime,
// and its libraries do not load on systems without it. This pass calls
// GOMP_parallel instead. libgomp, which every system with GCC has, and LLVM's
// libomp both define it; as a weak symbol, it may also be missing.
//
// Needs a module of the LLVM dialect (`pock-lower-to-llvm`). Guarantees that
// no omp operation is left.
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

class Outliner {
public:
  explicit Outliner(ModuleOp module)
      : module(module), b(module.getContext()), loc(module.getLoc()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())),
        i32(b.getI32Type()) {}

  LogicalResult outline(omp::ParallelOp region, unsigned number);

private:
  /// A declaration of the runtime that may stay unresolved.
  LLVM::LLVMFuncOp declare(StringRef name, Type result, ArrayRef<Type> args);
  /// Builds `void run(data)`, which GOMP_parallel calls in every thread. It
  /// gets the thread's number, and calls the body, whose address is the first
  /// field of `data`.
  LLVM::LLVMFuncOp getRunner();
  LLVM::LLVMFuncOp createFunction(StringRef name, ArrayRef<Type> args);
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(value));
  }
  Value addressOf(LLVM::LLVMFuncOp function) {
    return LLVM::AddressOfOp::create(b, loc, function);
  }
  void moveBody(omp::ParallelOp region, LLVM::LLVMFuncOp body,
                LLVM::LLVMStructType type, ArrayRef<Value> captured);
  void emitCall(omp::ParallelOp region, LLVM::LLVMFuncOp body, Value data);

  ModuleOp module;
  OpBuilder b;
  Location loc;
  Type pointer;
  Type i32;
};

LLVM::LLVMFuncOp Outliner::declare(StringRef name, Type result,
                                   ArrayRef<Type> args) {
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    function = LLVM::LLVMFuncOp::create(
        b, loc, name, LLVM::LLVMFunctionType::get(result, args));
  }
  function.setLinkage(LLVM::Linkage::ExternWeak);
  return function;
}

LLVM::LLVMFuncOp Outliner::createFunction(StringRef name, ArrayRef<Type> args) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), args);
  auto function = LLVM::LLVMFuncOp::create(b, loc, name, type);
  function.setLinkage(LLVM::Linkage::Internal);
  return function;
}

LLVM::LLVMFuncOp Outliner::getRunner() {
  constexpr char name[] = "pock_run_thread";
  if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return function;
  LLVM::LLVMFuncOp function = createFunction(name, {pointer});
  OpBuilder::InsertionGuard guard(b);
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value data = entry->getArgument(0);
  auto ask = [&](StringRef question) {
    return LLVM::CallOp::create(b, loc, declare(question, i32, {}),
                                ValueRange())
        .getResult();
  };
  Value body = LLVM::LoadOp::create(b, loc, pointer, data);
  Value thread = ask(kThreadNumber), threads = ask(kThreadCount);
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), {pointer, i32, i32});
  LLVM::CallOp::create(b, loc, type, ValueRange{body, data, thread, threads});
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return function;
}

/// Moves the region into the body of a function, which loads captured values
/// from its first argument.
void Outliner::moveBody(omp::ParallelOp region, LLVM::LLVMFuncOp body,
                        LLVM::LLVMStructType type, ArrayRef<Value> captured) {
  OpBuilder::InsertionGuard guard(b);
  body.getBody().takeBody(region.getRegion());
  Block *first = &body.getBody().front();
  Block *entry = b.createBlock(first, {pointer, i32, i32}, {loc, loc, loc});
  b.setInsertionPointToEnd(entry);
  for (auto [i, value] : llvm::enumerate(captured)) {
    Value inside;
    if (Operation *def = value.getDefiningOp();
        def && def->hasTrait<OpTrait::ConstantLike>()) {
      inside = b.clone(*def)->getResult(0);
    } else {
      auto place =
          LLVM::GEPOp::create(b, loc, pointer, type, entry->getArgument(0),
                              ArrayRef<LLVM::GEPArg>{0, int32_t(i) + 1});
      inside = LLVM::LoadOp::create(b, loc, value.getType(), place);
    }
    replaceAllUsesInRegionWith(value, inside, body.getBody());
  }
  LLVM::BrOp::create(b, loc, ValueRange(), first);
  SmallVector<Operation *> done;
  body.walk([&](Operation *op) {
    if (isa<omp::TerminatorOp>(op)) {
      b.setInsertionPoint(op);
      LLVM::ReturnOp::create(b, op->getLoc(), ValueRange());
      done.push_back(op);
    }
    auto call = dyn_cast<LLVM::CallOp>(op);
    if (!call || !call.getCallee())
      return;
    int argument = *call.getCallee() == kThreadNumber  ? 1
                   : *call.getCallee() == kThreadCount ? 2
                                                       : 0;
    if (!argument)
      return;
    call.getResult().replaceAllUsesWith(entry->getArgument(argument));
    done.push_back(op);
  });
  for (Operation *op : done)
    op->erase();
}

/// Calls the runtime if it is present, otherwise the body as the only thread.
void Outliner::emitCall(omp::ParallelOp region, LLVM::LLVMFuncOp body,
                        Value data) {
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  LLVM::LLVMFuncOp start =
      declare("GOMP_parallel", none, {pointer, pointer, i32, i32});
  LLVM::LLVMFuncOp runner = getRunner();
  Block *before = region->getBlock();
  Block *after = before->splitBlock(region->getNextNode());
  Block *threads = b.createBlock(after), *serial = b.createBlock(after);

  b.setInsertionPointToEnd(threads);
  Value zero = constant(0); // number of threads: the default; flags: none
  LLVM::CallOp::create(b, loc, start,
                       ValueRange{addressOf(runner), data, zero, zero});
  LLVM::BrOp::create(b, loc, ValueRange(), after);

  b.setInsertionPointToEnd(serial);
  LLVM::CallOp::create(b, loc, body,
                       ValueRange{data, constant(0), constant(1)});
  LLVM::BrOp::create(b, loc, ValueRange(), after);

  b.setInsertionPointToEnd(before);
  Value null = LLVM::ZeroOp::create(b, loc, pointer);
  Value there = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne,
                                     addressOf(start), null);
  LLVM::CondBrOp::create(b, loc, there, threads, serial);
}

LogicalResult Outliner::outline(omp::ParallelOp region, unsigned number) {
  auto parent = region->getParentOfType<LLVM::LLVMFuncOp>();
  if (!parent || region->getParentRegion() != &parent.getBody())
    return region.emitError("expected a parallel region at the top level of a "
                            "function of the LLVM dialect");
  if (region->getNumOperands())
    return region.emitError("expected a parallel region without clauses");
  loc = region.getLoc();
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(region.getRegion(), used);
  ArrayRef<Value> captured = used.getArrayRef();

  // The body's address, then the values that it uses.
  SmallVector<Type> fields{pointer};
  for (Value value : captured)
    fields.push_back(value.getType());
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
  std::string name =
      (parent.getName() + "_parallel_" + std::to_string(number)).str();
  LLVM::LLVMFuncOp body = createFunction(name, {pointer, i32, i32});

  // Allocate at the function's entry, not in a loop.
  b.setInsertionPointToStart(&parent.getBody().front());
  Value data = LLVM::AllocaOp::create(b, loc, pointer, type, constant(1));
  b.setInsertionPoint(region);
  LLVM::StoreOp::create(b, loc, addressOf(body), data);
  for (auto [i, value] : llvm::enumerate(captured)) {
    if (Operation *def = value.getDefiningOp();
        def && def->hasTrait<OpTrait::ConstantLike>())
      continue;
    auto place = LLVM::GEPOp::create(b, loc, pointer, type, data,
                                     ArrayRef<LLVM::GEPArg>{0, int32_t(i) + 1});
    LLVM::StoreOp::create(b, loc, value, place);
  }
  moveBody(region, body, type, captured);
  emitCall(region, body, data);
  region.erase();
  return success();
}

struct OutlineParallel : impl::OutlineParallelBase<OutlineParallel> {
  using Base::Base;

  void runOnOperation() override {
    Outliner outliner(getOperation());
    // Visit inner regions first: of nested regions, the inner one is the error.
    SmallVector<omp::ParallelOp> regions;
    getOperation().walk([&](omp::ParallelOp op) { regions.push_back(op); });
    llvm::DenseMap<Operation *, unsigned> count;
    for (omp::ParallelOp region : regions)
      if (failed(outliner.outline(region, count[region->getParentOp()]++)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlir::pock
