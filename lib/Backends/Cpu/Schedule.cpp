//===- Schedule.cpp - Register tile and loop order of a nest --------------===//
//
// Enumerates the vectorised loop, the second loop of the tile, and the size of
// the tile, and keeps the cheapest schedule in a model of one core: two loads
// or two arithmetic operations per cycle, four cycles of latency in a chain of
// accumulations, `vector_registers` registers. The cost includes remainder
// tiles, which favours sizes that divide the extents.
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"
#include "../Shared/NestBody.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <cmath>
#include <tuple>

using namespace mlir;

namespace mlir::pock {
namespace {

constexpr double kLoad = 0.5, kStore = 1.0, kArith = 0.5, kLatency = 4.0;
/// The number of streams from memory that the processor can follow at once
/// (rough); a window of several rows is several streams.
constexpr int64_t kMostStreams = 8;
/// The maximum number of rows of a tile that share a set of the first cache.
constexpr int64_t kMostAliases = 6;
/// Summing this many terms takes less time than writing the sum to memory.
constexpr int64_t kFewTerms = 64;
/// Limits of code size on targets with little flash, which is also slow to
/// fetch from: a nest may have one operation per 8 bytes of the first cache,
/// that is half of its size at four bytes per operation.
constexpr int64_t kBytesPerOperation = 8, kBytesPerCopy = 64;
/// On such targets, an operation of code is worth this many cycles of a launch.
constexpr double kCyclesPerOperation = 4.0;
/// Cycles for latencies, branches and address arithmetic per tile and per step.
constexpr double kTileOverhead = 6.0, kStepOverhead = 1.0;

/// The same for a nest whose windows may have computed bounds of taps instead,
/// which take more time for each loop over taps. Vectors have few operations,
/// of which the loops are a larger part.
constexpr int64_t kBytesPerBorderOperation = 16;
constexpr double kBoundsFactor = 1.1, kVectorBoundsFactor = 1.5;

/// Bytes of the distinct elements of `access` over the given loops.
double footprint(const Nest &nest, const Access &access,
                 llvm::function_ref<int64_t(int)> extentOf) {
  if (!access.root)
    return 0;
  double bytes = bytesOf(access.elementType);
  for (size_t l = 0; l < nest.loops.size(); ++l)
    if (access.strides[l])
      bytes *= extentOf(l);
  return bytes;
}

class CostModel {
public:
  CostModel(Nest &nest, const TargetDescription &target)
      : nest(nest), target(target) {
    for (Statement &statement : nest.statements)
      bodies.push_back(bodyCost(statement));
    Operation *op = nest.statements.front().op;
    while (auto loop = op->getParentOfType<scf::ForOp>()) {
      if (std::optional<APInt> count = loop.getStaticTripCount())
        runs *= count->roundToDouble();
      op = loop;
    }
  }

  double cost(const Schedule &schedule) const;
  int64_t elementsOfWord(const Schedule &schedule, size_t index) const;

private:
  bool rowsAlias(const Schedule &schedule) const;
  bool rowsStream(const Schedule &schedule) const;
  bool writesStreams(const Schedule &schedule) const;
  int64_t windowOf(const Schedule &schedule, const Statement &statement) const;
  bool sumsHalves(const Statement &statement) const;
  double tileCost(const Schedule &schedule, int64_t rows, int64_t cols) const;
  double stepCost(const Schedule &schedule, size_t index, int64_t rows,
                  int64_t pieces, int64_t lanes) const;
  double loadCost(const Schedule &schedule, const Access &access,
                  int reductionLoop, int64_t rows, int64_t pieces,
                  int64_t lanes) const;

  Nest &nest;
  const TargetDescription &target;
  SmallVector<double> bodies;
  /// How often a launch runs the nest.
  double runs = 1;
};

/// Whether `statement` sums products of 16 bits on a processor without vectors:
/// in registers for integers, one instruction after the other.
bool CostModel::sumsHalves(const Statement &statement) const {
  if (target.vectorBytes || !statement.isReduction())
    return false;
  linalg::GenericOp op = statement.op;
  return llvm::any_of(statement.ins,
                      [](const Access &access) {
                        return access.elementType &&
                               access.elementType.isInteger(16);
                      }) ||
         !op.getBody()->getOps<DotOp>().empty();
}

/// Cycles to load an operand for all points of a tile.
double CostModel::loadCost(const Schedule &schedule, const Access &access,
                           int reductionLoop, int64_t rows, int64_t pieces,
                           int64_t lanes) const {
  if (!access.root)
    return 0;
  auto stride = [&](int loop) { return loop < 0 ? 0 : access.strides[loop]; };
  double count = 1;
  if (stride(schedule.row))
    count *= rows;
  int64_t along = reductionLoop >= 0   ? stride(reductionLoop)
                  : schedule.vectorCol ? stride(schedule.col)
                                       : 0;
  if (stride(schedule.col))
    count *= pieces;
  if (lanes > 1 && along != 0 && along != 1) {
    // Vectors are loaded along the rows and transposed, or gathered by lane.
    if (reductionLoop < 0 && rows >= 4 && isTransposed(access, schedule))
      count *= 1 + 2 * std::log2(double(std::min(rows, lanes)));
    else
      count *= 1.5 * lanes;
  }
  return count * kLoad;
}

/// Cycles of one reduction step (or of the body, if there is no reduction).
double CostModel::stepCost(const Schedule &schedule, size_t index, int64_t rows,
                           int64_t pieces, int64_t lanes) const {
  const Statement &statement = nest.statements[index];
  int reductionLoop = schedule.reductionLoop[index];
  double loads = 0;
  for (const Access &access : statement.ins)
    loads += loadCost(schedule, access, reductionLoop, rows, pieces, lanes);
  double arithmetic = bodies[index] * rows * pieces * kArith;
  double result =
      sumsHalves(statement) ? loads + arithmetic : std::max(loads, arithmetic);
  if (statement.isReduction())
    result = std::max(result, kLatency / (reductionLoop >= 0 ? 4 : 1)) +
             kStepOverhead;
  return result;
}

/// The number of elements that a processor without vectors copies at once: LLVM
/// merges copies of neighbouring bytes.
int64_t CostModel::elementsOfWord(const Schedule &schedule,
                                  size_t index) const {
  constexpr int64_t wordBytes = 4;
  const Statement &statement = nest.statements[index];
  if (target.vectorBytes || schedule.col < 0 || bodies[index] > 0 ||
      statement.isReduction() || statement.usesIndex || statement.readsMemory ||
      statement.ins.size() != 1 || statement.outs.size() != 1 ||
      !statement.ins[0].root)
    return 1;
  for (const Access *access : {&statement.ins[0], &statement.outs[0]})
    if (access->strides[schedule.col] != 1)
      return 1;
  return std::max<int64_t>(1,
                           wordBytes / bytesOf(statement.outs[0].elementType));
}

double CostModel::tileCost(const Schedule &schedule, int64_t rows,
                           int64_t cols) const {
  double total = kTileOverhead;
  for (size_t i = 0; i < nest.statements.size(); ++i) {
    const Statement &statement = nest.statements[i];
    int reductionLoop = schedule.reductionLoop[i];
    int64_t lanes =
        reductionLoop >= 0 || schedule.vectorCol ? schedule.lanes : 1;
    int64_t word = elementsOfWord(schedule, i);
    int64_t pieces =
        schedule.vectorCol && word == 1
            ? countPieces(cols, schedule.lanes, schedule.leastLanes)
            : cols / word + cols % word;
    double steps = 1;
    for (int loop : statement.reductions) {
      double extent = nest.loops[loop].extent;
      steps *= loop == reductionLoop
                   ? extent / std::min<double>(lanes, extent) +
                         llvm::popcount<uint64_t>(int64_t(extent) % lanes)
                   : extent;
    }
    double step = stepCost(schedule, i, rows, pieces, lanes);
    // Steps that follow each other without a loop have no branch.
    if (target.prefersSize() && statement.isReduction() &&
        llvm::all_of(
            chooseUnrolled(nest, schedule, statement.reductions, rows * pieces),
            [](bool unrolled) { return unrolled; }))
      step -= kStepOverhead;
    total += steps * step;
    // Horizontal reductions: a shuffle and an operation per halving.
    if (reductionLoop >= 0)
      total += rows * pieces * statement.outs.size() * 2 *
               std::log2(double(lanes) + 1);
    for (const Access &access : statement.outs) {
      int64_t along = schedule.vectorCol ? access.strides[schedule.col] : 1;
      total +=
          rows * pieces * kStore *
          (lanes > 1 && along != 1 && reductionLoop < 0 ? 1.5 * lanes : 1.0);
    }
  }
  return total;
}

/// Whether the rows of a tile, which a reduction reads in parallel, map to the
/// same sets of the first cache: sets repeat every page, and have eight ways.
bool CostModel::rowsAlias(const Schedule &schedule) const {
  constexpr int64_t page = 4096;
  for (const Statement &statement : nest.statements)
    for (const Access &access : statement.ins)
      if (access.root && schedule.row >= 0 && statement.isReduction() &&
          access.strides[statement.reductions.back()] == 1 &&
          access.strides[schedule.row] != 0 &&
          access.strides[schedule.row] *
                  access.elementType.getIntOrFloatBitWidth() / 8 % page ==
              0)
        return true;
  return false;
}

/// Whether the columns of a tile share no elements of the operand: every row of
/// a tile is a stream of its own (a depthwise convolution, pooling).
bool isStreamed(const Access &access, const Schedule &schedule) {
  return access.root && schedule.vectorCol && schedule.row >= 0 &&
         access.strides[schedule.row] != 0 && access.strides[schedule.col] != 0;
}

bool CostModel::rowsStream(const Schedule &schedule) const {
  return llvm::any_of(nest.statements, [&](const Statement &statement) {
    return statement.isReduction() &&
           llvm::any_of(statement.ins, [&](const Access &access) {
             return isStreamed(access, schedule);
           });
  });
}

/// Whether rows are written to a buffer that does not fit into a cache, after
/// sums so short that writing takes most of the time: each row is a stream.
bool CostModel::writesStreams(const Schedule &schedule) const {
  return schedule.row >= 0 &&
         llvm::any_of(nest.statements, [&](const Statement &statement) {
           int64_t terms = 1;
           for (int loop : statement.reductions)
             terms *= nest.loops[loop].extent;
           return statement.isReduction() && terms <= kFewTerms &&
                  llvm::any_of(statement.outs, [&](const Access &access) {
                    auto full = [&](int l) { return nest.loops[l].extent; };
                    return access.strides[schedule.row] != 0 &&
                           footprint(nest, access, full) > target.l2Bytes;
                  });
         });
}

/// The number of operands in registers per column of vectors. Neighbouring
/// windows share their entries, so these need a register for every row, and one
/// for the common factor.
int64_t CostModel::windowOf(const Schedule &schedule,
                            const Statement &statement) const {
  return llvm::any_of(
             statement.ins,
             [&](const Access &access) { return isStreamed(access, schedule); })
             ? schedule.rows + 1
             : 1;
}

double CostModel::cost(const Schedule &schedule) const {
  auto extent = [&](int loop) {
    return loop < 0 ? 1 : nest.loops[loop].extent;
  };
  // Registers: accumulators, vector operands of each column, two spare ones.
  int64_t pieces = schedule.tile().vectors;
  // The body is repeated for every point of the tile: limit the copies of long
  // bodies, but do not reduce the tile of a product.
  bool reduces = llvm::any_of(nest.statements, [](const Statement &statement) {
    return statement.isReduction();
  });
  int64_t mostLongBodies = reduces ? 12 : 2;
  for (auto [i, statement] : llvm::enumerate(nest.statements)) {
    int64_t needed = statement.isReduction()
                         ? schedule.rows * pieces * statement.outs.size() +
                               windowOf(schedule, statement) * pieces + 2
                         : schedule.rows * pieces * statement.outs.size();
    int64_t registers = sumsHalves(statement) ? target.integerRegisters()
                                              : target.vectorRegisters;
    if (needed > registers ||
        (bodies[i] > 12 && schedule.rows * pieces > mostLongBodies))
      return INFINITY;
  }
  int64_t rowTiles = extent(schedule.row) / schedule.rows,
          rowRest = extent(schedule.row) % schedule.rows,
          colTiles = extent(schedule.col) / schedule.cols,
          colRest = extent(schedule.col) % schedule.cols;
  if ((schedule.rows > kMostAliases && rowsAlias(schedule)) ||
      (schedule.rows > kMostStreams && writesStreams(schedule)) ||
      (schedule.rows > kMostStreams && rowsStream(schedule)))
    return INFINITY;
  double size = 0, total = 0;
  if (target.prefersSize()) {
    double operations = countOperations(nest, schedule);
    // (Scalar code point by point is always possible.)
    if ((schedule.row >= 0 || schedule.col >= 0) &&
        operations > target.l1Bytes / kBytesPerOperation)
      return INFINITY;
    if (!schedule.boundsTaps && !target.vectorBytes &&
        mayBoundTaps(nest, target) &&
        operations > target.l1Bytes / kBytesPerBorderOperation)
      return INFINITY;
    size = operations * kCyclesPerOperation / runs;
  }
  if (rowTiles && colTiles)
    total +=
        rowTiles * colTiles * tileCost(schedule, schedule.rows, schedule.cols);
  if (rowRest && colTiles)
    total += colTiles * tileCost(schedule, rowRest, schedule.cols);
  if (rowTiles && colRest)
    total += rowTiles * tileCost(schedule, schedule.rows, colRest);
  if (rowRest && colRest)
    total += tileCost(schedule, rowRest, colRest);
  double others = 1;
  for (auto [l, loop] : llvm::enumerate(nest.loops))
    if (!loop.reduction && int(l) != schedule.row && int(l) != schedule.col)
      others *= loop.extent;
  double factor = target.vectorBytes ? kVectorBoundsFactor : kBoundsFactor;
  return size + total * others * (schedule.boundsTaps ? factor : 1);
}

/// Lanes of a vector for the floating-point types of the nest (for its widest
/// type if it has no floating-point type). Of a nest with sums of f16, for
/// these: most of its time passes there, and what follows on wider types takes
/// two vectors.
int64_t lanesOf(Nest &nest, const TargetDescription &target) {
  int64_t floats = 0, any = 0;
  nest.forEachAccess([&](Access &access) {
    int64_t lanes = target.lanes(access.elementType);
    any = any ? std::min(any, lanes) : lanes;
    if (isa<FloatType>(access.elementType))
      floats = floats ? std::min(floats, lanes) : lanes;
  });
  for (const Statement &statement : nest.statements)
    for (const Access &out : statement.outs)
      if (statement.isReduction() && out.elementType.isF16())
        floats = target.lanes(out.elementType);
  int64_t lanes = floats ? floats : any;
  return lanes < target.leastLanes() ? 1 : lanes;
}

/// The best reduction loop of `statement` to vectorise, or -1 if the order of
/// its reductions must be kept.
int bestReductionLoop(const Nest &nest, const Statement &statement) {
  if (!statement.vectorizable ||
      llvm::is_contained(statement.combiners, nullptr))
    return -1;
  int best = -1;
  double bestScore = INFINITY;
  for (int loop : statement.reductions) {
    // Skip loops over taps that some points leave out.
    if (llvm::any_of(nest.windows, [&](const TapWindow &window) {
          return window.taps == loop;
        }))
      continue;
    double score = 0;
    for (const Access &access : statement.ins)
      if (access.root)
        score += access.strides[loop] == 0   ? 0.5
                 : access.strides[loop] == 1 ? 1
                                             : 24;
    if (score <= bestScore) {
      best = loop;
      bestScore = score;
    }
  }
  return best;
}

/// Orders the loops: first those outside of the tile, by their stride in the
/// out; then rows and columns, unless it pays to keep one panel of columns in
/// the cache for all rows.
void chooseOrder(Nest &nest, const TargetDescription &target,
                 Schedule &schedule) {
  const Access &out = nest.statements.back().outs.front();
  SmallVector<int> order = nest.parallelLoops();
  llvm::stable_sort(order, [&](int a, int b) {
    return std::abs(out.strides[a]) > std::abs(out.strides[b]);
  });
  bool reduction = llvm::any_of(nest.statements, [](Statement &statement) {
    return statement.isReduction();
  });
  if (!reduction) {
    schedule.order = order;
    return;
  }
  auto isTile = [&](int l) { return l == schedule.row || l == schedule.col; };
  llvm::erase_if(order, isTile);

  // Operands that depend on columns but not on rows are the panel that rows
  // share. Loops on which all of them depend stay outside, because each
  // iteration has its own panel.
  auto isShared = [&](const Statement &statement, const Access &access) {
    return access.root && statement.isReduction() &&
           access.strides[schedule.col] && !access.strides[schedule.row];
  };
  bool hasTile = schedule.row >= 0 && schedule.col >= 0;
  SmallVector<int> outside;
  for (int l : order) {
    bool own = hasTile;
    for (Statement &statement : nest.statements)
      for (Access &access : statement.ins)
        own &= !hasTile || !isShared(statement, access) || access.strides[l];
    if (own)
      outside.push_back(l);
  }
  auto isOutside = [&](int l) { return llvm::is_contained(outside, l); };
  double panel = 0, whole = 0, streamed = 0;
  if (hasTile)
    for (Statement &statement : nest.statements)
      for (Access &access : statement.ins) {
        if (!access.root || !statement.isReduction())
          continue;
        auto full = [&](int l) {
          return isOutside(l) ? 1 : nest.loops[l].extent;
        };
        double all = footprint(nest, access, full);
        if (isShared(statement, access)) {
          whole += all;
          panel += footprint(nest, access, [&](int l) {
            return l == schedule.col ? schedule.cols : full(l);
          });
        } else {
          streamed += all;
        }
      }
  llvm::erase_if(order, isOutside);
  double l1 = target.l1Bytes, l2 = target.l2Bytes;
  bool fitsL1 = whole <= l1 / 2;
  int64_t panels =
      schedule.col >= 0
          ? llvm::divideCeil(nest.loops[schedule.col].extent, schedule.cols)
          : 1;
  bool panelOutside = !fitsL1 && panel <= 0.75 * l1 &&
                      (streamed <= l2 || panels <= 8 || whole > l2);
  panelOutside |= whole > l2;
  if (panelOutside && schedule.col >= 0)
    order.insert(order.begin(), schedule.col);
  order.insert(order.begin(), outside.begin(), outside.end());
  if (schedule.row >= 0)
    order.push_back(schedule.row);
  if (!panelOutside && schedule.col >= 0)
    order.push_back(schedule.col);
  schedule.order = order;
}

/// Minimum cycles of a nest for which threads pay: a few times the cost of
/// entering and leaving a parallel region.
constexpr double kParallelCycles = 30000;
/// The number of tiles that gives up to eight threads nearly equal shares.
constexpr int64_t kEnoughTiles = 24;

/// The outermost loop with enough tiles for all threads; else the one with the
/// most.
int chooseThreadLoop(Nest &nest, const Schedule &schedule) {
  int best = -1;
  int64_t most = 1;
  for (int loop : schedule.order) {
    int64_t tiles = nest.loops[loop].extent / schedule.tileOf(loop);
    if (tiles <= most)
      continue;
    best = loop;
    most = tiles;
    if (tiles >= kEnoughTiles)
      break;
  }
  return best;
}

/// The loops of rows and columns along which the factors of a sum of products
/// are contiguous; nothing if there are none.
std::optional<std::pair<int, int>> findGroups(const Nest &nest,
                                              const TargetDescription &target) {
  if (!usesGroups(target) || !nest.windows.empty())
    return std::nullopt;
  for (const Statement &statement : nest.statements) {
    if (statement.reductions.size() != 1 || statement.ins.size() != 2)
      continue;
    auto find = [&](const Access &access, const Access &other) {
      for (int loop : nest.parallelLoops())
        if (access.root && access.elementType.isF32() &&
            access.strides[loop] == 1 && other.root &&
            other.strides[loop] == 0 && nest.loops[loop].extent >= kGroup)
          return loop;
      return -1;
    };
    int row = find(statement.ins[0], statement.ins[1]),
        col = find(statement.ins[1], statement.ins[0]);
    if (row < 0 || col < 0)
      continue;
    // Rows are outside of columns in the result.
    auto out = statement.outs.front().strides;
    if (out[row] < out[col])
      std::swap(row, col);
    return std::make_pair(row, col);
  }
  return std::nullopt;
}

/// Whether terms must be combined in the order of the loops. The largest of
/// integers is the same in any order, but only vectors are faster for it. (The
/// same holds for their sums, but vectors along the terms of products of 16
/// bits make these slower on Helium.)
bool keepsOrder(const Nest &nest, const TargetDescription &target) {
  if (!target.portable)
    return false;
  return target.vectorBytes == 0 ||
         llvm::any_of(nest.statements, [](const Statement &statement) {
           return statement.isReduction() &&
                  llvm::any_of(statement.combiners, [](Operation *op) {
                    return !isa_and_nonnull<arith::MaxSIOp, arith::MaxUIOp,
                                            arith::MinSIOp, arith::MinUIOp>(op);
                  });
         });
}

/// Calls `fn` with every schedule and its cost, first with scalar code. The
/// order of loops and the loop of threads are not chosen yet.
void forEachSchedule(Nest &nest, const TargetDescription &target,
                     llvm::function_ref<void(const Schedule &, double)> fn) {
  CostModel model(nest, target);
  SmallVector<int> parallel = nest.parallelLoops();
  bool vectorizable = llvm::all_of(nest.statements, [](Statement &statement) {
    return statement.vectorizable;
  });
  bool hasReduction = llvm::any_of(nest.statements, [](Statement &statement) {
    return statement.isReduction();
  });
  int64_t lanes = lanesOf(nest, target);

  auto consider = [&](Schedule schedule) {
    fn(schedule, model.cost(schedule));
    if (!mayBoundTaps(nest, target) || !hasTapsToBound(nest, schedule))
      return;
    schedule.boundsTaps = true;
    fn(schedule, model.cost(schedule));
  };
  Schedule scalar;
  if (target.prefersSize())
    scalar.mostCopies = target.l1Bytes / kBytesPerCopy;
  scalar.leastLanes = target.leastLanes();
  scalar.reductionLoop.assign(nest.statements.size(), -1);
  consider(scalar);
  if (auto groups = findGroups(nest, target)) {
    Schedule schedule = scalar;
    std::tie(schedule.row, schedule.col) = *groups;
    schedule.rows = schedule.cols = kGroup;
    schedule.vectorCol = schedule.groups = true;
    fn(schedule, 0);
    return;
  }
  SmallVector<int> rows = parallel;
  rows.insert(rows.begin(), -1);

  if (vectorizable) {
    // Vectors (or scalars, on a target without) along a parallel loop.
    for (int col : parallel)
      for (int row : rows) {
        if (row == col)
          continue;
        Schedule schedule = scalar;
        schedule.row = row;
        schedule.col = col;
        schedule.vectorCol = true;
        schedule.lanes = lanes;
        if (row >= 0 && !hasReduction) {
          bool transposes = false;
          nest.forEachAccess([&](const Access &access) {
            transposes |= isTransposed(access, schedule);
          });
          if (!transposes)
            continue;
          schedule.rows = std::min(lanes, nest.loops[row].extent);
          schedule.cols = std::min(lanes, nest.loops[col].extent);
          consider(schedule);
          continue;
        }
        int64_t extent = nest.loops[col].extent;
        // Copies of bytes are copies of words.
        int64_t word =
            nest.statements.size() == 1 ? model.elementsOfWord(schedule, 0) : 1;
        int64_t mostVectors =
            row < 0 && hasReduction ? 12 : std::min<int64_t>(12, 4 * word);
        for (int64_t vectors = mostVectors; vectors >= 1; --vectors) {
          if ((vectors - 1) * lanes >= extent)
            continue;
          schedule.cols = std::min(extent, vectors * lanes);
          int64_t most =
              row >= 0 ? std::min<int64_t>(14, nest.loops[row].extent) : 1;
          for (schedule.rows = 1; schedule.rows <= most; ++schedule.rows)
            if (schedule.rows > 1 || row < 0)
              consider(schedule);
        }
      }

    // Vectors along the reductions.
    Schedule schedule = scalar;
    schedule.reductionLoop.clear();
    bool all = hasReduction;
    for (Statement &statement : nest.statements) {
      int loop =
          statement.isReduction() ? bestReductionLoop(nest, statement) : -1;
      all &= !statement.isReduction() || loop >= 0;
      schedule.reductionLoop.push_back(loop);
    }
    schedule.lanes = lanes;
    if (all && lanes > 1 && !keepsOrder(nest, target))
      for (int row : rows)
        for (int col : rows) {
          if (row == col && row >= 0)
            continue;
          if (row < 0 && col >= 0)
            continue;
          schedule.row = row;
          schedule.col = col;
          auto most = [&](int loop, int64_t limit) {
            return loop < 0 ? 1 : std::min(limit, nest.loops[loop].extent);
          };
          for (schedule.rows = 1; schedule.rows <= most(row, 8);
               ++schedule.rows)
            for (schedule.cols = 1; schedule.cols <= most(col, 4);
                 ++schedule.cols)
              consider(schedule);
        }
  }
}

} // namespace

Schedule chooseSchedule(Nest &nest, const TargetDescription &target,
                        std::optional<Tile> tile) {
  std::optional<Schedule> best;
  double bestCost = INFINITY;
  forEachSchedule(nest, target, [&](const Schedule &schedule, double cost) {
    if (tile && (cost == INFINITY || !(schedule.tile() == *tile)))
      return;
    // Ties go to the later candidate: inner loops come last.
    if (best && cost > bestCost)
      return;
    bestCost = cost;
    best = schedule;
  });
  if (!best)
    return chooseSchedule(nest, target);

  chooseOrder(nest, target, *best);
  best->keepsOrder = keepsOrder(nest, target);
  best->farBytes = target.vectorBytes ? target.l2Bytes : 0;
  if (target.threads != 1 && bestCost > kParallelCycles)
    best->threadLoop = chooseThreadLoop(nest, *best);
  return *best;
}

SmallVector<Tile> rankTiles(Nest &nest, const TargetDescription &target) {
  SmallVector<std::pair<double, Tile>> found;
  forEachSchedule(nest, target, [&](const Schedule &schedule, double cost) {
    if (cost == INFINITY)
      return;
    auto it = llvm::find_if(
        found, [&](auto &entry) { return entry.second == schedule.tile(); });
    if (it == found.end())
      found.push_back({cost, schedule.tile()});
    else
      it->first = std::min(it->first, cost);
  });
  llvm::stable_sort(found, [](auto &a, auto &b) { return a.first < b.first; });
  SmallVector<Tile> tiles{chooseSchedule(nest, target).tile()};
  for (auto &[cost, tile] : found)
    if (!(tile == tiles.front()))
      tiles.push_back(tile);
  return tiles;
}

} // namespace mlir::pock
