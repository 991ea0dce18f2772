//===- LaunchGraph.cpp - launches as tasks that share memory --------------===//

#include "LaunchGraph.h"

#include "Views.h"

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::pock;

bool pock::worksInPlace(LaunchOp op, unsigned in, const SymbolTable &symbols) {
  if (op.getNumResults() != 1 || llvm::count(op.getIns(), op.getIns()[in]) != 1)
    return false;
  auto kernel = symbols.lookup<func::FuncOp>(op.getCallee());
  if (auto overwritten = kernel->getAttrOfType<IntegerAttr>(attribute::inPlace))
    return overwritten.getInt() == in;
  linalg::GenericOp nest;
  for (Operation &inner : kernel.getBody().front().without_terminator()) {
    if (inner.getNumResults() == 1 && inner.hasTrait<OpTrait::ConstantLike>())
      continue;
    if (nest || !isa<linalg::GenericOp>(inner))
      return false;
    nest = cast<linalg::GenericOp>(inner);
  }
  if (!nest || nest.getNumLoops() != nest.getNumParallelLoops())
    return false;
  Value source = kernel.getArgument(in);
  Value target = kernel.getArgument(op.getIns().size());
  if (source.getType() != target.getType())
    return false;
  for (OpOperand &operand : nest->getOpOperands())
    if ((operand.get() == source || operand.get() == target) &&
        !nest.getMatchingIndexingMap(&operand).isIdentity())
      return false;
  return true;
}

int64_t pock::workspaceBytes(LaunchOp op, const SymbolTable &symbols) {
  auto kernel = symbols.lookup<func::FuncOp>(op.getCallee());
  auto bytes = kernel ? kernel->getAttrOfType<IntegerAttr>(attribute::workspace)
                      : IntegerAttr();
  return bytes ? bytes.getInt() : 0;
}

int64_t pock::lossIndexOf(func::FuncOp function, ArrayRef<LaunchOp> launches) {
  Operation *terminator = function.getBody().front().getTerminator();
  if (terminator->getNumOperands() == 0)
    return -1;
  auto found =
      llvm::find(launches, terminator->getOperand(0).getDefiningOp<LaunchOp>());
  return found == launches.end() ? -1 : std::distance(launches.begin(), found);
}

StringRef pock::oldValueOf(Value value) {
  auto load = storageOf(value).getDefiningOp<LoadParamOp>();
  return load ? load.getParam() : StringRef();
}

bool pock::writesParameter(LaunchOp launch) {
  return llvm::any_of(launch.getOuts(),
                      [](Value out) { return !oldValueOf(out).empty(); });
}

void pock::forEachFailure(LaunchOp launch, function_ref<void(FailIfOp)> visit) {
  for (Value result : launch.getResults())
    forEachReader(result, [&](Operation *reader) {
      if (auto failure = dyn_cast<FailIfOp>(reader))
        visit(failure);
    });
}

std::string pock::layerOf(Location loc) {
  std::string label;
  loc->walk([&](Location inner) {
    auto name = dyn_cast<NameLoc>(inner);
    if (!name)
      return WalkResult::advance();
    label = name.getName().str();
    return WalkResult::interrupt();
  });
  return label;
}

LaunchGraph::LaunchGraph(func::FuncOp function, const SymbolTable &symbols) {
  for (auto launch : function.getBody().front().getOps<LaunchOp>())
    addLaunch(launch, symbols);
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    if (auto buffer = bufferOf.find(value); buffer != bufferOf.end())
      buffers[buffer->second].bytes = 0;
  addOverwrites(function);
  addFailures();
  addPhases(function);
}

void LaunchGraph::addLaunch(LaunchOp launch, const SymbolTable &symbols) {
  Task task;
  task.workspace = workspaceBytes(launch, symbols);
  auto read = [&](Value value) {
    auto buffer = bufferOf.find(storageOf(value));
    if (buffer == bufferOf.end())
      return -1;
    if (!llvm::is_contained(task.reads, buffer->second))
      task.reads.push_back(buffer->second);
    return buffer->second;
  };
  SmallVector<int> ins;
  for (Value in : launch.getIns())
    ins.push_back(read(in));
  for (auto [out, result] : llvm::zip(launch.getOuts(), launch.getResults())) {
    int made = buffers.size();
    bool fresh = out.getDefiningOp<tensor::EmptyOp>();
    buffers.push_back({fresh ? bytesOf(result.getType()) : 0});
    values.push_back(result);
    bufferOf[result] = made;
    task.writes.push_back(made);
  }
  for (auto [i, in] : llvm::enumerate(ins))
    if (in >= 0 && buffers[in].bytes &&
        buffers[in].bytes == buffers[task.writes.front()].bytes &&
        worksInPlace(launch, i, symbols))
      task.inPlace.push_back({task.writes.front(), in});
  launches.push_back(launch);
  tasks.push_back(std::move(task));
}

void LaunchGraph::addOverwrites(func::FuncOp function) {
  llvm::StringMap<SmallVector<int>> readers;
  for (auto [number, launch] : llvm::enumerate(launches))
    for (Value in : launch.getIns())
      if (StringRef param = oldValueOf(in); !param.empty())
        readers[param].push_back(number);
  for (auto [number, launch] : llvm::enumerate(launches))
    for (Value out : launch.getOuts())
      if (StringRef param = oldValueOf(out); !param.empty())
        for (int reader : readers[param])
          if (reader != static_cast<int>(number))
            tasks[number].after.push_back(reader);
}

void LaunchGraph::addFailures() {
  SmallVector<int> deciding;
  for (auto [number, launch] : llvm::enumerate(launches)) {
    bool decides = false;
    forEachFailure(launch, [&](FailIfOp) { decides = true; });
    if (decides)
      deciding.push_back(number);
  }
  for (auto [launch, task] : llvm::zip(launches, tasks))
    if (writesParameter(launch))
      llvm::append_range(task.after, deciding);
}

void LaunchGraph::addPhases(func::FuncOp function) {
  int64_t loss = lossIndexOf(function, launches);
  if (loss < 0)
    return;
  for (size_t behind = loss + 1; behind < launches.size(); ++behind)
    tasks[behind].after.push_back(loss);
}
