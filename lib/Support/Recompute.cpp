//===- Recompute.cpp - recompute values instead of keeping them -----------===//

#include "Recompute.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>
#include <limits>
#include <optional>

namespace mlir::pock {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

/// Maximum number of tasks to recompute one value.
constexpr size_t longestChain = 24;

/// Number of candidates that are tried before the search gives up on a moment.
constexpr size_t mostTries = 24;

/// A value that dies early, and the chain of tasks that recomputes it.
struct Candidate {
  /// The position before which the chain runs.
  int64_t reader = 0;
  /// Tasks to repeat, in the order in which they run; the last one makes the
  /// value.
  llvm::SmallVector<int> chain;
  int64_t freed = 0, cost = 0;
  double score = 0;
};

class Search {
public:
  Search(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
         llvm::ArrayRef<int> order, llvm::ArrayRef<TaskCost> costs)
      : costs(costs) {
    now.tasks.assign(tasks.begin(), tasks.end());
    now.buffers.assign(buffers.begin(), buffers.end());
    now.order.assign(order.begin(), order.end());
    for (size_t task = 0; task < tasks.size(); ++task)
      now.taskOf.push_back(task);
    for (size_t buffer = 0; buffer < buffers.size(); ++buffer)
      now.bufferOf.push_back(buffer);
    update();
  }

  /// Repeats tasks until `limit` holds or nothing helps; returns whether it
  /// holds.
  bool reach(int64_t limit) {
    while (now.peak > limit)
      if (!improve(limit))
        return false;
    return true;
  }

  Recomputation now;

private:
  /// Updates the derived data of `now`.
  void update() {
    live = liveBytes(now.tasks, now.buffers, now.order);
    now.peak = live.empty() ? 0 : *std::max_element(live.begin(), live.end());
    position.assign(now.tasks.size(), 0);
    for (size_t i = 0; i < now.order.size(); ++i)
      position[now.order[i]] = i;
    maker.assign(now.buffers.size(), -1);
    uses.assign(now.buffers.size(), {});
    firstBehind.assign(now.tasks.size(), never);
    for (size_t i = 0; i < now.order.size(); ++i) {
      const Task &task = now.tasks[now.order[i]];
      for (int before : task.after)
        firstBehind[before] = std::min<int64_t>(firstBehind[before], i);
      for (int buffer : task.writes)
        maker[buffer] = now.order[i];
      for (int buffer : task.reads)
        uses[buffer].push_back(i);
    }
  }

  /// The first use of `buffer` after `moment`; -1 if there is none.
  int64_t nextUse(int buffer, int64_t moment) const {
    auto next =
        std::upper_bound(uses[buffer].begin(), uses[buffer].end(), moment);
    return next == uses[buffer].end() ? -1 : *next;
  }
  int64_t lastUse(int buffer) const {
    return uses[buffer].empty() ? -1 : uses[buffer].back();
  }
  bool isUsedAt(int buffer, int64_t moment) const {
    return std::binary_search(uses[buffer].begin(), uses[buffer].end(), moment);
  }
  bool isAliveAt(int buffer, int64_t moment) const {
    if (maker[buffer] < 0)
      return lastUse(buffer) >= moment;
    return position[maker[buffer]] <= moment &&
           (now.buffers[buffer].kept || lastUse(buffer) >= moment);
  }

  /// The limit of live bytes, and by how much and for how long it is exceeded.
  int64_t excess(int64_t limit) const {
    int64_t sum = 0;
    for (int64_t bytes : live)
      sum += std::max<int64_t>(0, bytes - limit);
    return sum;
  }

  /// Lets one value die at the first moment of the peak; returns whether that
  /// helped.
  bool improve(int64_t limit) {
    int64_t moment =
        std::distance(live.begin(), std::max_element(live.begin(), live.end()));
    llvm::SmallVector<Candidate, 0> candidates;
    for (size_t buffer = 0; buffer < now.buffers.size(); ++buffer)
      if (std::optional<Candidate> candidate =
              findCandidate(buffer, moment, limit))
        candidates.push_back(std::move(*candidate));
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate &a, const Candidate &b) {
                       return a.score > b.score;
                     });
    if (candidates.size() > mostTries)
      candidates.resize(mostTries);
    int64_t peak = now.peak, before = excess(limit);
    for (const Candidate &candidate : candidates) {
      Recomputation saved = now;
      apply(candidate);
      update();
      if (now.peak <= peak && excess(limit) < before)
        return true;
      now = std::move(saved);
      update();
    }
    return false;
  }

  /// How to let `buffer` die around `moment`, if it is live without being used
  /// there.
  std::optional<Candidate> findCandidate(int buffer, int64_t moment,
                                         int64_t limit) const {
    if (now.buffers[buffer].bytes == 0 || now.buffers[buffer].kept ||
        maker[buffer] < 0 || position[maker[buffer]] >= moment ||
        isUsedAt(buffer, moment))
      return std::nullopt;
    int64_t reader = nextUse(buffer, moment);
    if (reader < 0)
      return std::nullopt;
    Candidate found;
    found.reader = reader;
    int64_t kept = 0;
    if (!addToChain(maker[buffer], moment, reader, found, kept))
      return std::nullopt;
    for (int task : found.chain)
      for (int made : now.tasks[task].writes)
        if (dies(made, moment, reader))
          found.freed += now.buffers[made].bytes;
    found.freed -= kept;
    if (found.freed <= 0)
      return std::nullopt;
    // The time that is gained: from its last use before the moment to its next
    // one.
    int64_t helped = 0, from = position[maker[buffer]];
    for (int64_t use : uses[buffer])
      if (use < moment)
        from = std::max(from, use);
    for (int64_t at = from + 1; at < reader; ++at)
      helped += std::min(found.freed, std::max<int64_t>(0, live[at] - limit));
    found.score = static_cast<double>(helped) / (found.cost + 1);
    return found;
  }

  /// Whether `buffer` is live at `moment` only for readers from `reader` on.
  bool dies(int buffer, int64_t moment, int64_t reader) const {
    return isAliveAt(buffer, moment) && !isUsedAt(buffer, moment) &&
           !now.buffers[buffer].kept && nextUse(buffer, moment) >= reader;
  }

  /// Adds `task` to the chain before position `reader`, after the tasks that it
  /// needs. `kept` are the values that must live longer for that, at `moment`.
  bool addToChain(int task, int64_t moment, int64_t reader, Candidate &found,
                  int64_t &kept) const {
    if (llvm::is_contained(found.chain, task))
      return true;
    TaskCost cost = costs[now.taskOf[task]];
    if (cost < 0 || found.chain.size() >= longestChain)
      return false;
    // A task that overwrites one of its operands must not have run by then.
    if (firstBehind[task] < reader)
      return false;
    for (int read : now.tasks[task].reads) {
      if (maker[read] < 0 || now.buffers[read].bytes == 0)
        continue;
      bool there = isAliveAt(read, reader) ||
                   (isAliveAt(read, moment) && !dies(read, moment, reader));
      if (there)
        continue;
      // Recompute it if that is allowed, else keep it.
      size_t length = found.chain.size();
      int64_t costBefore = found.cost, keptBefore = kept;
      if (addToChain(maker[read], moment, reader, found, kept))
        continue;
      found.chain.resize(length);
      found.cost = costBefore;
      kept = keptBefore;
      if (position[maker[read]] >= reader)
        return false;
      kept += now.buffers[read].bytes;
    }
    found.chain.push_back(task);
    found.cost += cost;
    return true;
  }

  void apply(const Candidate &candidate) {
    // Maps given buffers to those that the repeated tasks make.
    llvm::SmallVector<std::pair<int, int>> made;
    auto again = [&](int buffer) {
      for (auto [old, fresh] : made)
        if (old == buffer)
          return fresh;
      return buffer;
    };
    llvm::SmallVector<int> inserted;
    for (int task : candidate.chain) {
      Task copy = now.tasks[task];
      for (int &read : copy.reads)
        read = again(read);
      for (int &written : copy.writes) {
        int fresh = now.buffers.size();
        Buffer buffer = now.buffers[written];
        now.buffers.push_back(buffer);
        now.bufferOf.push_back(now.bufferOf[written]);
        made.push_back({written, fresh});
        written = fresh;
      }
      for (auto &[written, read] : copy.inPlace)
        written = again(written), read = again(read);
      int number = now.tasks.size();
      for (Task &other : now.tasks)
        if (llvm::is_contained(other.after, task))
          other.after.push_back(number);
      now.tasks.push_back(std::move(copy));
      now.taskOf.push_back(now.taskOf[task]);
      inserted.push_back(number);
    }
    for (size_t at = candidate.reader; at < now.order.size(); ++at) {
      Task &reader = now.tasks[now.order[at]];
      for (int &read : reader.reads)
        read = again(read);
      for (auto &[written, read] : reader.inPlace)
        read = again(read);
    }
    now.order.insert(now.order.begin() + candidate.reader, inserted.begin(),
                     inserted.end());
    now.cost += candidate.cost;
  }

  llvm::ArrayRef<TaskCost> costs;
  llvm::SmallVector<int64_t> live;
  /// By task: its position, and that of the first task that must come after it.
  llvm::SmallVector<int64_t> position, firstBehind;
  /// By buffer.
  llvm::SmallVector<int> maker;
  llvm::SmallVector<llvm::SmallVector<int64_t, 4>> uses;
};

/// The result of the search with the limit `aim`.
Recomputation aimAt(int64_t aim, llvm::ArrayRef<Task> tasks,
                    llvm::ArrayRef<Buffer> buffers, llvm::ArrayRef<int> order,
                    llvm::ArrayRef<TaskCost> costs) {
  Search search(tasks, buffers, order, costs);
  if (search.reach(aim))
    return std::move(search.now);
  // With a low limit, the search prefers values that free memory for long. From
  // here on, lower the peak step by step.
  while (search.now.peak > aim) {
    int64_t peak = search.now.peak;
    if (!search.reach(std::max(aim, std::min(peak - peak / 64, peak - 1))) &&
        !search.reach(search.now.peak - 1))
      break;
  }
  return std::move(search.now);
}

} // namespace

Recomputation recompute(llvm::ArrayRef<Task> tasks,
                        llvm::ArrayRef<Buffer> buffers,
                        llvm::ArrayRef<int> order,
                        llvm::ArrayRef<TaskCost> costs, int64_t limit) {
  assert(costs.size() == tasks.size() && "one cost per task");
  // A negative limit would make every added task look worse, so clamp it to
  // zero.
  limit = std::max<int64_t>(limit, 0);
  Recomputation found = aimAt(limit, tasks, buffers, order, costs);
  if (found.peak <= limit)
    return found;
  // Greedy choices depend on the limit, and may get stuck where a lower limit
  // does not. These limits are the same for every request, so the reported
  // minimum is found again when it is requested.
  constexpr int64_t parts = 8;
  int64_t given = peakOf(tasks, buffers, order);
  std::optional<Recomputation> best;
  for (int64_t part = 0; part < parts; ++part) {
    found = aimAt(given / parts * part, tasks, buffers, order, costs);
    auto rank = [&](const Recomputation &r) {
      return std::pair(std::max(r.peak, limit), r.cost);
    };
    if (!best || rank(found) < rank(*best))
      best = std::move(found);
  }
  return std::move(*best);
}

} // namespace mlir::pock
