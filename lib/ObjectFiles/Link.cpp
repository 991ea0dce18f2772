//===- Link.cpp - the linker ----------------------------------------------===//

#include "Pock/ObjectFiles/ObjectFiles.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/CrashRecoveryContext.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;
using namespace mlir;

Error pock::link(ArrayRef<std::string> arguments) {
  // lld keeps its state in globals.
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!usable)
    return createStringError("the linker has crashed in this process before");
  // One thread: the order of messages and the time do not depend on others.
  std::vector<const char *> command{"ld.lld", "--threads=1"};
  for (const std::string &argument : arguments)
    command.push_back(argument.c_str());
  std::string messages;
  raw_string_ostream stream(messages);
  // Otherwise a fatal error ends the process.
  CrashRecoveryContext::Enable();
  lld::Result result =
      lld::lldMain(command, stream, stream, {{lld::Gnu, &lld::elf::link}});
  CrashRecoveryContext::Disable();
  usable = result.canRunAgain;
  if (result.retCode == 0)
    return Error::success();
  return createStringError(messages.empty() ? "the linker failed"
                                            : StringRef(messages).rtrim());
}
