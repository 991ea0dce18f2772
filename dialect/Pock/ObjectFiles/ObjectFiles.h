//===- ObjectFiles.h - ELF files without other programs ---------*- C++ -*-===//
//
// What a linker, an archiver and their companions do with generated code, as
// functions: a machine that has this compiler needs no other tools. Every
// result depends on the arguments only, and has no times or owners in it.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_OBJECTFILES_OBJECTFILES_H
#define POCK_OBJECTFILES_OBJECTFILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::pock {

/// Links files, with the arguments of `ld.lld`.
llvm::Error link(llvm::ArrayRef<std::string> arguments);

/// Returns the object file `object` with its hidden symbols made local.
llvm::Expected<std::string> localizeHidden(llvm::StringRef object);

/// Returns the object file `object` without the sections whose names match one
/// of the glob patterns.
llvm::Expected<std::string>
removeSections(llvm::StringRef object, llvm::ArrayRef<std::string> patterns);

/// A file of a static library.
struct ArchiveMember {
  std::string name, bytes;
};

/// Returns a static library, with a table of the symbols of all `members`.
llvm::Expected<std::string> makeArchive(llvm::ArrayRef<ArchiveMember> members);

/// Returns what an object file has, as JSON:
///
///   `sections`: name, `bytes`, `alignment`, and whether it is `loaded`;
///   `undefined`: the symbols that others must define, sorted;
///   `frames`: function -> bytes of stack, from the sections `.stack_sizes`;
///   `references`: section -> the symbols, or sections, that it refers to.
llvm::Expected<std::string> describeObject(llvm::StringRef object);

} // namespace mlir::pock

#endif // POCK_OBJECTFILES_OBJECTFILES_H
