//===- EditObject.cpp - object files with fewer symbols and sections ------===//

#include "Pock/ObjectFiles/ObjectFiles.h"

#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir;

static Expected<std::string> edit(StringRef object,
                                  const objcopy::ConfigManager &config) {
  auto file =
      object::ObjectFile::createObjectFile(MemoryBufferRef(object, "object"));
  if (!file)
    return file.takeError();
  std::string result;
  raw_string_ostream stream(result);
  if (Error error = objcopy::executeObjcopyOnBinary(config, **file, stream))
    return error;
  return result;
}

Expected<std::string> pock::localizeHidden(StringRef object) {
  objcopy::ConfigManager config;
  config.ELF.LocalizeHidden = true;
  return edit(object, config);
}

Expected<std::string> pock::removeSections(StringRef object,
                                           ArrayRef<std::string> patterns) {
  objcopy::ConfigManager config;
  for (StringRef pattern : patterns)
    if (Error error =
            config.Common.ToRemove.addMatcher(objcopy::NameOrPattern::create(
                pattern, objcopy::MatchStyle::Wildcard,
                [](Error error) { return error; })))
      return error;
  return edit(object, config);
}
