# Thin wrappers that keep target, install and documentation rules in one place.

# add_pock_library(name sources... [LLVM_ONLY] [DEPENDS targets...] [LINK libs...])
# An object-like static library. It links nothing of MLIR itself: executables
# link the MLIR dylib once (never the component libraries beside it), and all
# of ours with the global property POCK_LIBS. LLVM_ONLY: it uses nothing of MLIR,
# and can be linked without.
function(add_pock_library name)
  cmake_parse_arguments(ARG "LLVM_ONLY" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} PockIncGen ${ARG_DEPENDS})
  set_property(GLOBAL APPEND PROPERTY POCK_LIBS ${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  llvm_update_compile_flags(${name})
  if(NOT ARG_LLVM_ONLY)
    target_precompile_headers(${name} REUSE_FROM PockPrecompiled)
  endif()
endfunction()

# What a program links beside our libraries: LLVM and MLIR, shared, or with
# POCK_STATIC their archives, of which the linker takes what is used.
if(POCK_STATIC)
  file(GLOB POCK_UPSTREAM "${LLVM_LIBRARY_DIR}/libMLIR*.a" "${LLVM_LIBRARY_DIR}/libLLVM*.a")
  list(FILTER POCK_UPSTREAM EXCLUDE REGEX "libMLIRCAPI")
else()
  set(POCK_UPSTREAM MLIR LLVM)
endif()

# add_pock_tool(name sources... LINK libs...)
function(add_pock_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                           "${CMAKE_BINARY_DIR}/bin")
  target_link_libraries(${name} PRIVATE ${ARG_LINK} ${POCK_UPSTREAM})
  llvm_update_compile_flags(${name})
endfunction()
