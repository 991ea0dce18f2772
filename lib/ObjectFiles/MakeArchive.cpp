//===- MakeArchive.cpp - static libraries ---------------------------------===//

#include "Pock/ObjectFiles/ObjectFiles.h"

#include "llvm/Object/ArchiveWriter.h"

using namespace llvm;
using namespace mlir;

Expected<std::string> pock::makeArchive(ArrayRef<ArchiveMember> members) {
  std::vector<NewArchiveMember> files;
  for (const ArchiveMember &member : members) {
    files.emplace_back(MemoryBufferRef(member.bytes, member.name));
    files.back().MemberName = member.name;
  }
  auto buffer = writeArchiveToBuffer(files, SymtabWritingMode::NormalSymtab,
                                     object::Archive::K_GNU,
                                     /*Deterministic=*/true, /*Thin=*/false);
  if (!buffer)
    return buffer.takeError();
  return (*buffer)->getBuffer().str();
}
