//===- KernelParts.cpp - What a kernel computes in one dispatch each ------===//

#include "KernelParts.h"
#include "../Shared/NestFusion.h"
#include "../Shared/NestWork.h"
#include "DeviceRow.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether strides and offset of `type` are numbers.
bool isAtKnownPlace(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         ShapedType::isStatic(offset) && ShapedType::isStaticShape(strides);
}

LogicalResult refuse(Operation *op) {
  return op->emitError("cannot be computed by a shader");
}

/// Checks that the nests contain everything that `block` does; also adds the
/// loops around nests to `loops`.
LogicalResult checkCovered(Block &block, const DenseSet<Operation *> &covered,
                           SmallVectorImpl<scf::ForOp> &loops) {
  for (Operation &op : block.without_terminator()) {
    // Without points or terms it does nothing.
    if (auto generic = dyn_cast<linalg::GenericOp>(op);
        generic && llvm::is_contained(generic.getStaticLoopRanges(), 0))
      continue;
    bool isInLoop = !isa<func::FuncOp>(block.getParentOp());
    if (auto loop = dyn_cast<scf::ForOp>(op);
        loop && !isInLoop && loop.getNumRegionIterArgs() == 0) {
      loops.push_back(loop);
      if (failed(checkCovered(*loop.getBody(), covered, loops)))
        return failure();
      continue;
    }
    if (covered.contains(&op) || isPure(&op) || isa<ViewLikeOpInterface>(op) ||
        (isInLoop && isa<memref::LoadOp>(op)))
      continue;
    return refuse(&op);
  }
  return success();
}

/// Whether the threads of `part` only read elements of `root` that no other
/// thread writes, in any iteration of the loop around them: all accesses take
/// the same elements of the dimensions over which the points are spread, and
/// select one element of the others.
bool staysInThread(KernelPart &part, Value root) {
  SmallVector<int64_t> strides;
  int64_t offset;
  auto type = cast<MemRefType>(root.getType());
  (void)type.getStridesAndOffset(strides, offset);
  const Access *first = nullptr;
  bool stays = true;
  auto check = [&](const Access &access, const Statement &statement) {
    if (access.root != root)
      return;
    if (!first)
      first = &access;
    for (auto [l, loop] : llvm::enumerate(part.nest.loops)) {
      int64_t stride = access.strides[l];
      bool spread = !loop.reduction && loop.extent != 1;
      stays &= spread ? stride != 0 && stride == first->strides[l]
                      : stride == 0 || loop.extent == 1;
    }
    stays &= access.offset == first->offset;
    for (auto [index, outerStride] : access.outer)
      for (auto [l, loop] : llvm::enumerate(part.nest.loops)) {
        // A dimension that `index` selects from contains no points.
        int64_t stride = access.strides[l];
        if (loop.reduction || stride == 0)
          continue;
        const auto *dim = llvm::find(strides, outerStride);
        if (dim == strides.end())
          stays = false;
        else if (stride < outerStride)
          stays &= stride * loop.extent <= outerStride;
        else
          stays &=
              outerStride * type.getDimSize(dim - strides.begin()) <= stride;
      }
  };
  for (Statement &statement : part.nest.statements) {
    for (Access &access : statement.ins)
      check(access, statement);
    for (Access &access : statement.outs)
      check(access, statement);
  }
  return stays;
}

/// The buffers that a part accesses.
class BufferCollector {
public:
  BufferCollector(KernelPart &part, const DenseSet<Operation *> &registers)
      : part(part), registers(registers) {}

  LogicalResult run() {
    for (Statement &statement : part.nest.statements)
      for (Access &out : statement.outs)
        if (isInMemory(out))
          written.insert(out.root);
    for (Statement &statement : part.nest.statements) {
      for (Access &in : statement.ins)
        if (isInMemory(in))
          addRead(in.root);
      if (failed(collectLoads(statement.op)))
        return failure();
    }
    if (part.loop) {
      for (Operation &op : part.loop.getBody()->without_terminator())
        if (isa<memref::LoadOp>(op) && failed(collectLoads(&op)))
          return failure();
      for (Value buffer : written)
        if (!staysInThread(part, buffer))
          return refuse(part.loop);
    }
    part.numRead = read.size();
    read.insert_range(written);
    for (Value buffer : read) {
      auto view = buffer.getDefiningOp<memref::ViewOp>();
      if (!isa<BlockArgument>(view ? view.getSource() : buffer)) {
        emitError(buffer.getLoc(), "cannot be an argument of a shader");
        return failure();
      }
    }
    part.buffers = llvm::to_vector(read);
    return success();
  }

private:
  bool isInMemory(const Access &access) {
    return access.root && !registers.contains(access.root.getDefiningOp());
  }

  void addRead(Value root) {
    if (!written.contains(root))
      read.insert(root);
  }

  /// Adds what is read at computed places.
  LogicalResult collectLoads(Operation *op) {
    WalkResult result = op->walk([&](memref::LoadOp load) {
      if (!isAtKnownPlace(load.getMemRefType())) {
        load.emitError("reads a part of a buffer that begins at a computed "
                       "place, which a shader cannot do");
        return WalkResult::interrupt();
      }
      Value root = findRoot(load.getMemRef());
      // Another thread may have written it in an earlier iteration.
      if (part.loop && written.contains(root)) {
        (void)refuse(load);
        return WalkResult::interrupt();
      }
      addRead(root);
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  KernelPart &part;
  const DenseSet<Operation *> &registers;
  SetVector<Value> read, written;
};

/// `pock.algorithm` for each way to share work.
constexpr std::pair<StringLiteral, Sharing> kAlgorithms[] = {
    {"apart", Sharing::Apart},
    {"together", Sharing::Together},
    {"workgroup_tile", Sharing::Tile}};

/// The loop around a nest; null if there is none.
scf::ForOp loopAround(const Nest &nest) {
  Operation *op = nest.statements.front().op;
  return dyn_cast<scf::ForOp>(op->getParentOp());
}

/// What a tuning chose for the nest with the most work.
ThreadChoice choiceOf(func::FuncOp func) {
  ThreadChoice choice;
  if (auto tile = func->getAttrOfType<DenseI64ArrayAttr>(attribute::tile))
    choice.tile = {tile[0], tile[1]};
  auto algorithm = func->getAttrOfType<StringAttr>(attribute::algorithm);
  for (auto [name, sharing] : kAlgorithms)
    if (algorithm && algorithm == name)
      choice.sharing = sharing;
  return choice;
}

ThreadRules rulesFor(func::FuncOp func) {
  const DeviceRow &row = deviceRowOf(func->getParentOfType<ModuleOp>());
  return {isPortable(func), row.sharesTiles, row.workgroups};
}

/// The nests of a kernel, with as few loops as possible.
SmallVector<Nest, 0> findNests(func::FuncOp func) {
  generalizeAll(func);
  SmallVector<Nest, 0> nests = formNests(func);
  llvm::for_each(nests, mergeLoops);
  return nests;
}

} // namespace

FailureOr<PartedKernel> divideKernel(func::FuncOp func) {
  PartedKernel kernel{func, {}, {}};
  SmallVector<Nest, 0> nests = findNests(func);
  kernel.registers = findRegisterTemporaries(nests);
  DenseSet<Operation *> covered = kernel.registers;
  for (Nest &nest : nests)
    for (Statement &statement : nest.statements)
      covered.insert(statement.op);
  SmallVector<scf::ForOp> loops;
  if (failed(checkCovered(func.getBody().front(), covered, loops)))
    return failure();
  DenseSet<Operation *> used;
  size_t number = findMainNest(nests);
  const Nest *main = number < nests.size() ? &nests[number] : nullptr;
  for (Nest &nest : nests) {
    scf::ForOp loop = loopAround(nest);
    // Between two nests, threads would have to wait for each other.
    if (loop && !used.insert(loop).second)
      return refuse(loop);
    ThreadMap threads =
        loop ? onePerThread(nest)
             : mapThreads(nest, rulesFor(func),
                          &nest == main ? choiceOf(func) : ThreadChoice());
    kernel.parts.push_back({std::move(nest), std::move(threads), loop, {}, 0});
    if (failed(BufferCollector(kernel.parts.back(), kernel.registers).run()))
      return failure();
  }
  return kernel;
}

SmallVector<SmallVector<int64_t>> listTiles(func::FuncOp func) {
  SmallVector<Nest, 0> nests = findNests(func);
  size_t number = findMainNest(nests);
  SmallVector<SmallVector<int64_t>> tiles;
  if (number < nests.size() && !loopAround(nests[number]))
    for (std::array<int64_t, 2> tile : listTiles(nests[number], rulesFor(func)))
      tiles.push_back(llvm::to_vector(tile));
  return tiles;
}

SmallVector<StringRef> listAlgorithms(func::FuncOp func) {
  SmallVector<Nest, 0> nests = findNests(func);
  size_t number = findMainNest(nests);
  if (number == nests.size() || loopAround(nests[number]))
    return {};
  SmallVector<Sharing> possible = listSharing(nests[number], rulesFor(func));
  SmallVector<StringRef> names;
  for (auto [name, sharing] : kAlgorithms)
    if (possible.size() > 1 && llvm::is_contained(possible, sharing))
      names.push_back(name);
  return names;
}

} // namespace mlir::pock
