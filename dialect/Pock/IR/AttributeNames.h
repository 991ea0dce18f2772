//===- AttributeNames.h - discardable attributes of the dialect -*- C++ -*-===//
//
// Every `pock.` attribute that an op of another dialect carries. The dialect
// verifies where each stands and what it is (lib/IR/AttributeRules.cpp), and
// refuses all others.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_ATTRIBUTENAMES_H
#define POCK_IR_ATTRIBUTENAMES_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::pock {
namespace attribute {
using Name = llvm::StringLiteral;

// Of a module: what a front end asks for.

/// Name of the model, the prefix of all symbols of its library.
inline constexpr Name name("pock.name");
/// `#pock.target`.
inline constexpr Name target("pock.target");
/// "fast", or "portable": results that do not depend on the target.
inline constexpr Name arithmetic("pock.arithmetic");
/// "f32", or "bf16": what products and saved activations are stored in.
inline constexpr Name precision("pock.precision");
/// "stochastic", or "nearest": how changes of quantised parameters are rounded.
inline constexpr Name rounding("pock.rounding");
/// "f32", "i16" or "f16": what products with quantised layers read gradients
/// as.
inline constexpr Name gradients("pock.gradients");
/// Dictionary from parameters to the fraction that trains.
inline constexpr Name scheme("pock.scheme");
/// An optimizer, or an array with one per parameter group.
inline constexpr Name optimizer("pock.optimizer");
/// Dictionary from parameters to the number of their group.
inline constexpr Name optimizerGroup("pock.optimizer_group");
/// Calls over which gradients are averaged.
inline constexpr Name accumulate("pock.accumulate");
inline constexpr Name clipGradValue("pock.clip_grad_value");
inline constexpr Name clipGradNorm("pock.clip_grad_norm");
/// Bytes that constants, state and arena may take together.
inline constexpr Name memoryLimit("pock.memory_limit");
/// Array of the names of inputs that the caller writes into the arena, where
/// they may be overwritten.
inline constexpr Name arenaInputs("pock.arena_inputs");
/// Dictionary from fingerprints of kernels to their choices.
inline constexpr Name tuning("pock.tuning");
/// Array of choices that a kernel is to be compiled with.
inline constexpr Name candidates("pock.candidates");

// Of a module: what passes found out.

/// Dictionary: the memory plan.
inline constexpr Name plan("pock.plan");

// Of a function.

/// Marks a kernel.
inline constexpr Name kernel("pock.kernel");
/// A kernel that is divided into blocks of channels.
inline constexpr Name channelBlocks("pock.channel_blocks");
/// Hash of a kernel's text, by which tuning finds it.
inline constexpr Name fingerprint("pock.fingerprint");
/// Rows and vectors of a kernel's register tile.
inline constexpr Name tile("pock.tile");
/// How a kernel computes its convolution.
inline constexpr Name algorithm("pock.algorithm");
/// Bytes of a kernel's scratch memory, which is its last argument.
inline constexpr Name workspace("pock.workspace");
/// The number of the argument that a kernel's only result may overwrite.
inline constexpr Name inPlace("pock.in_place");
/// Bytes that no order of the function's launches goes below.
inline constexpr Name leastPeak("pock.least_peak");

// Of an operation in a kernel on buffers.

/// Marks an operation that is not computed in the loops of those before it.
inline constexpr Name apart("pock.apart");

// Of arguments and results; `pock.name` is one, too.

/// Which segment an argument is: "constants", "state" or "arena".
inline constexpr Name segment("pock.segment");
/// Name of the output that an argument is the memory of.
inline constexpr Name output("pock.output");
/// The inputs and outputs that an argument has the memory of: for each whether
/// it is an output, its offset, and its bytes.
inline constexpr Name packed("pock.packed");
/// Marks an argument of a shader that it writes.
inline constexpr Name written("pock.written");
/// The argument that times of launches are written to.
inline constexpr Name profile("pock.profile");

// Of a shader, and of a dispatch.

/// How many words a dispatch pushes to the shader.
inline constexpr Name pushed("pock.pushed");
/// The number of the launch in the function that a dispatch is a part of.
inline constexpr Name part("pock.part");
/// What a dispatch accesses: for each buffer the number of the function's
/// argument, offset and bytes in it, and 1 if it is written.
inline constexpr Name accesses("pock.accesses");
/// The words that a dispatch pushes: where buffers begin in their bindings.
inline constexpr Name offsets("pock.offsets");
/// The workgroup in x and y at which a dispatch begins.
inline constexpr Name firstGroup("pock.first_group");

// Of a function that shows whether a device has portable arithmetic.

/// The words that are its input, and those that must be its output.
inline constexpr Name probeInputs("pock.probe_inputs");
inline constexpr Name probeOutputs("pock.probe_outputs");

// Of a launch.

/// The launch runs a second time to save memory.
inline constexpr Name again("pock.again");
/// The numbers of the results that are packed truth values.
inline constexpr Name masks("pock.masks");
} // namespace attribute

/// Verifies an attribute of an operation.
LogicalResult verifyDiscardable(Operation *op, NamedAttribute attr);

/// Verifies an attribute of an argument or a result of `function`.
LogicalResult verifyDiscardableOfValue(Operation *function,
                                       NamedAttribute attr);

} // namespace mlir::pock

#endif // POCK_IR_ATTRIBUTENAMES_H
