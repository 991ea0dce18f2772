//===- PockByteOps.td - Inside of kernels on bytes ----------*- tablegen -*-===//
//
// Separate from PockKernelOps.td, because only a back end makes and reads these.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_BYTE_OPS_TD
#define POCK_BYTE_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_ByteBuffer : MemRefRankOf<[I8], [1]>;
def Pock_WordBuffer : MemRefRankOf<[I32], [1]>;

def Pock_LoadWordOp : Pock_Op<"load_word", NoKernelRole<"Absent">> {
  let summary = "loads up to four neighbouring bytes as a word";
  let description = [{
    Byte `index + i` of `source` becomes byte `i` of the result, the lowest one
    first. With fewer `bytes` than four, the others are zero, and memory after
    them is not read. The address need not be aligned.

    Constraints: `load_word_c1`: `bytes` is between 1 and 4.

    Example: `%w = pock.load_word %x[%i] {bytes = 3 : i64} : memref<27xi8>`
  }];
  let arguments = (ins Arg<Pock_ByteBuffer, "", [MemRead]>:$source, Index:$index,
                       DefaultValuedAttr<I64Attr, "4">:$bytes);
  let results = (outs I32:$result);
  let assemblyFormat = "$source `[` $index `]` attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Pock_WidenBytesOp : Pock_Op<"widen_bytes", NoKernelRole<"Absent">, [Pure]> {
  let summary = "widens two bytes of a word to 16 bits";
  let description = [{
    The lower half of the result is byte 0 of `word`, its upper half byte 2; with
    `odd`, they are bytes 1 and 3. All have a sign. `zero` is subtracted from
    each, modulo 2^16.

    Example: `%p = pock.widen_bytes %w odd {zero = -128 : i64}`
  }];
  let arguments = (ins I32:$word, UnitAttr:$odd, DefaultValuedAttr<I64Attr, "0">:$zero);
  let results = (outs I32:$result);
  let assemblyFormat = "$word (`odd` $odd^)? attr-dict";
}

def Pock_MultiplyHalvesOp : Pock_Op<"multiply_halves", NoKernelRole<"Absent">, [Pure]> {
  let summary = "adds the product of two halves of words to a sum";
  let description = [{
    `sum + lhs_half * rhs_half` modulo 2^32, where a half is the lower 16 bits of
    the word with their sign, or with `lhs_upper` or `rhs_upper` the upper ones.

    Example: `%s = pock.multiply_halves %sum, %x, %w {rhs_upper}`
  }];
  let arguments = (ins I32:$sum, I32:$lhs, I32:$rhs, UnitAttr:$lhs_upper, UnitAttr:$rhs_upper);
  let results = (outs I32:$result);
  let assemblyFormat = "$sum `,` $lhs `,` $rhs attr-dict";
}

def Pock_DotQuadsOp : Pock_Op<"dot_quads", NoKernelRole<"Absent">> {
  let summary = "adds sums of products of bytes, one row by up to four columns";
  let description = [{
    `results[c] = sums[c] + columns[c][0] * row[0] + … + columns[c][terms - 1] *
    row[terms - 1]`, modulo 2^32, where the row is `terms` bytes of `row` from
    `row_index` on. `panel` has from `panel_index` on the columns, widened to 16
    bits: for each group of four terms `k`, as many words as there are columns,
    each with terms `k` and `k + 2`, and then as many with `k + 1` and `k + 3`
    (the results of `pock.widen_bytes`). Entries of terms that do not exist have
    any value.

    This is the whole inner loop of a product, because the instructions for it
    need fixed registers and a pointer of their own.

    Constraints: `dot_quads_c1`: there are 1 to 4 sums, and a result for each;
    `dot_quads_c2`: `terms` is positive.

    Example: `%s = pock.dot_quads %a[%i], %w[%j] from (%zero) {terms = 27 : i64} : memref<14xi32>, memref<432xi8> -> i32`
  }];
  let arguments = (ins Variadic<I32>:$sums,
                       Arg<Pock_WordBuffer, "", [MemRead]>:$panel, Index:$panel_index,
                       Arg<Pock_ByteBuffer, "", [MemRead]>:$row, Index:$row_index,
                       I64Attr:$terms);
  let results = (outs Variadic<I32>:$results);
  let assemblyFormat = [{
    $panel `[` $panel_index `]` `,` $row `[` $row_index `]` `from` `(` $sums `)` attr-dict
    `:` type($panel) `,` type($row) `->` type($results)
  }];
  let hasVerifier = 1;
}

def Pock_ByteLanes : AnyTypeOf<[VectorOfLengthAndType<[16], [I8]>, VectorOfLengthAndType<[8], [I16]>],
                               "vector of 16 bytes or 8 numbers of 16 bits">;

def Pock_DotLanesOp : Pock_Op<"dot_lanes", NoKernelRole<"Absent">, [Pure, AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "adds the products of all lanes of two vectors to a sum";
  let description = [{
    `sum + lhs[0] * rhs[0] + … + lhs[n - 1] * rhs[n - 1]` modulo 2^32, where all
    lanes have a sign.

    Example: `%s = pock.dot_lanes %sum, %x, %w : vector<16xi8>`
  }];
  let arguments = (ins I32:$sum, Pock_ByteLanes:$lhs, Pock_ByteLanes:$rhs);
  let results = (outs I32:$result);
  let assemblyFormat = "$sum `,` $lhs `,` $rhs attr-dict `:` type($lhs)";
}

#endif // POCK_BYTE_OPS_TD
