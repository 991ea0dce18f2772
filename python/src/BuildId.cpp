//===- BuildId.cpp - what the loaded compiler was built from --------------===//
//
// A version number does not change when a developer builds, or when a
// distribution builds LLVM again. The linker's identifier is a hash of the
// library's content, and it is in memory already.
//
//===----------------------------------------------------------------------===//

#include "BuildId.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <elf.h>
#include <link.h>

using namespace llvm;

namespace {

struct Found {
  SmallVector<std::string> identifiers;
  bool complete = true;
};

} // namespace

/// Returns the identifier among the notes of a segment, or nothing.
static StringRef findBuildId(StringRef notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    const auto *header = reinterpret_cast<const ElfW(Nhdr) *>(notes.data());
    size_t name = sizeof(*header);
    size_t content = name + alignTo(header->n_namesz, 4);
    size_t end = content + alignTo(header->n_descsz, 4);
    if (end > notes.size())
      break;
    if (header->n_type == NT_GNU_BUILD_ID &&
        notes.substr(name, header->n_namesz) == StringRef("GNU\0", 4))
      return notes.substr(content, header->n_descsz);
    notes = notes.drop_front(end);
  }
  return "";
}

/// Whether a loaded object contains code of the compiler.
static bool isCompiler(const dl_phdr_info &info) {
  StringRef name(info.dlpi_name);
  name = name.substr(name.rfind('/') + 1);
  if (name.starts_with("libLLVM") || name.starts_with("libMLIR") ||
      name.starts_with("liblld"))
    return true;
  auto self = reinterpret_cast<uintptr_t>(&getBuildId);
  for (const ElfW(Phdr) &segment : ArrayRef(info.dlpi_phdr, info.dlpi_phnum)) {
    uintptr_t begin = info.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && self >= begin &&
        self - begin < segment.p_memsz)
      return true;
  }
  return false;
}

static int visit(dl_phdr_info *info, size_t, void *data) {
  if (!isCompiler(*info))
    return 0;
  auto &found = *static_cast<Found *>(data);
  StringRef identifier;
  for (const ElfW(Phdr) &segment : ArrayRef(info->dlpi_phdr, info->dlpi_phnum))
    if (segment.p_type == PT_NOTE && identifier.empty())
      identifier = findBuildId(StringRef(
          reinterpret_cast<const char *>(info->dlpi_addr) + segment.p_vaddr,
          segment.p_memsz));
  if (identifier.empty())
    found.complete = false;
  else
    found.identifiers.push_back(toHex(identifier, /*LowerCase=*/true));
  return 0;
}

std::string getBuildId() {
  Found found;
  dl_iterate_phdr(visit, &found);
  sort(found.identifiers); // independent of the order of loading
  return found.complete ? join(found.identifiers, "+") : "";
}
