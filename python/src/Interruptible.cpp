//===- Interruptible.cpp - native work that a signal ends -----------------===//

#include "Interruptible.h"

#include <nanobind/nanobind.h>

#include <mutex>
#include <vector>

namespace nb = nanobind;

/// Milliseconds between checks for signals, and until a cancelled session must
/// stop.
static constexpr int kPeriod = 50, kGrace = 400;

static std::mutex abandonedMutex;
static std::vector<llvm::thread> abandoned;

void joinAbandoned() {
  std::lock_guard<std::mutex> lock(abandonedMutex);
  for (llvm::thread &worker : abandoned)
    worker.join();
  abandoned.clear();
}

void detail::waitForSignals(llvm::function_ref<bool(int)> done,
                            llvm::function_ref<void()> cancel,
                            llvm::thread &worker) {
  nb::gil_scoped_release release;
  while (!done(kPeriod)) {
    nb::gil_scoped_acquire acquire;
    if (!PyErr_CheckSignals())
      continue;
    nb::python_error error; // takes ownership of the pending Python error
    cancel();
    bool stopped;
    {
      nb::gil_scoped_release again;
      stopped = done(kGrace);
      if (stopped)
        worker.join();
    }
    if (!stopped) {
      std::lock_guard<std::mutex> lock(abandonedMutex);
      abandoned.push_back(std::move(worker));
    }
    throw error;
  }
  worker.join();
}
