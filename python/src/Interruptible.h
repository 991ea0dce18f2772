//===- Interruptible.h - native work that a signal ends ---------*- C++ -*-===//
//
// Python runs signal handlers in its main thread, between two of its own
// instructions, and never while native code runs there. Therefore the work runs
// in a thread of its own, and the caller checks for signals meanwhile. If a
// handler raises (KeyboardInterrupt), the wait ends and the session is
// cancelled. If it does not stop soon, its thread is abandoned. The thread owns
// all its data; `joinAbandoned` waits for it before the process ends.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_PYTHON_INTERRUPTIBLE_H
#define POCK_PYTHON_INTERRUPTIBLE_H

#include "Session.h"

#include "llvm/Support/thread.h"

#include <future>
#include <memory>

/// Waits for abandoned threads; for `atexit`, without the GIL.
void joinAbandoned();

namespace detail {
/// Returns when `done` returns true; throws the Python error of a signal's
/// handler.
void waitForSignals(llvm::function_ref<bool(int milliseconds)> done,
                    llvm::function_ref<void()> cancel, llvm::thread &worker);
} // namespace detail

/// Calls `work(session)` without the GIL, and returns its result. `work` must
/// own its data, because it may outlive this call.
template <typename Work>
auto runInterruptibly(Work work) {
  using Result = decltype(work(std::declval<Session &>()));
  struct Task {
    explicit Task(Work work) : work(std::move(work)) {}
    Session session;
    Work work;
    std::promise<Result> result;
  };
  auto task = std::make_shared<Task>(std::move(work));
  std::future<Result> result = task->result.get_future();
  // Enough stack for deep recursion over IR, independently of the limit.
  llvm::thread worker(std::optional<unsigned>(256u << 20), [task] {
    try {
      task->result.set_value(task->work(task->session));
    } catch (...) {
      task->result.set_exception(std::current_exception());
    }
  });
  detail::waitForSignals(
      [&](int milliseconds) {
        return result.wait_for(std::chrono::milliseconds(milliseconds)) ==
               std::future_status::ready;
      },
      [&] { task->session.cancel(); }, worker);
  return result.get();
}

#endif // POCK_PYTHON_INTERRUPTIBLE_H
