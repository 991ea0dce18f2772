//===- Winograd.cpp - convolutions by transformed tiles -------------------===//
//
// Winograd's F(2x2, 3x3) computes a tile of 2x2 outputs from one of 4x4 inputs
// with 16 multiplications instead of 36 (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2016):
//
//   y = A^T [(G g G^T) . (B^T d B)] A
//
// Summed over input channels, the product in the middle is 16 products of
// matrices, [tiles, c] x [c, f]. For the gradient of the filter, the tiles of
// the result's gradient take the role of the filter, F(3x3, 2x2) of the same
// input tiles, and the sum is over tiles. Sizes that are not multiples of a
// tile are padded.
//
// Tiles are transformed and multiplied in blocks of whole rows of tiles or
// whole images, so that transformed tiles stay in a cache.
//
//===----------------------------------------------------------------------===//

#include "Winograd.h"
#include "TileTransform.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

namespace {

/// How tiles are grouped: `images` images of `rows` rows of tiles at a time.
struct Blocks {
  int64_t images, rows;

  /// The cheapest blocks of `batch` images of `tilesY` times `tilesX` tiles of
  /// `tileBytes` if each block reads or writes `sharedBytes` that all share.
  static Blocks choose(int64_t cache, int64_t batch, int64_t tilesY,
                       int64_t tilesX, int64_t tileBytes, int64_t sharedBytes) {
    Blocks best{batch, tilesY};
    double least = INFINITY;
    auto consider = [&](int64_t images, int64_t rows) {
      int64_t bytes = images * rows * tilesX * tileBytes;
      double count = double(batch / images) * double(tilesY / rows);
      // Half of the cache: the other operands of the block need space, too.
      double cost = bytes <= cache / 2 ? 0 : tileTraffic * count * bytes;
      bool sharedFits = sharedBytes <= cache / 2;
      cost += sharedFits ? double(sharedBytes) : count * sharedBytes;
      if (cost < least) {
        least = cost;
        best = {images, rows};
      }
    };
    for (int64_t images = batch; images > 1; --images)
      if (batch % images == 0)
        consider(images, tilesY);
    for (int64_t rows = tilesY; rows >= 1; --rows)
      if (tilesY % rows == 0)
        consider(1, rows);
    return best;
  }

private:
  /// Data that does not stay in the cache is allocated, written and read.
  static constexpr double tileTraffic = 3;
};

/// The part of the transformed filter that exists at a time.
struct FilterBlocks {
  int64_t in, out;

  /// Parts that fit the cache, if the filter does not, and if reading
  /// `tileBytes` of transformed tiles again for each part costs less.
  static FilterBlocks choose(int64_t cache, int64_t in, int64_t out,
                             int64_t entryBytes, int64_t tileBytes) {
    int64_t bytes = entryBytes * in * out;
    double repeated = tileBytes <= cache / 2
                          ? 0
                          : double(tileBytes) * llvm::divideCeil(out, columns);
    if (bytes <= cache / 2 || repeated >= traffic * bytes)
      return {in, out};
    FilterBlocks best{in, out % columns ? out : columns};
    for (int64_t rows = in; rows >= 1; --rows)
      if (in % rows == 0 && entryBytes * rows * best.out <= cache / 2) {
        best.in = rows;
        break;
      }
    return best;
  }

private:
  /// A few vectors, so that tiles are not read too often.
  static constexpr int64_t columns = 64;
  /// Data that does not stay in the cache is allocated, written and read.
  static constexpr double traffic = 3;
};

/// A loop of `count` iterations around `body`, which gets the iteration's
/// number times `step`.
SmallVector<Value> buildBlockLoop(
    OpBuilder &b, Location loc, int64_t count, int64_t step, ValueRange init,
    function_ref<SmallVector<Value>(OpBuilder &, OpFoldResult, ValueRange)>
        body) {
  if (count == 1)
    return body(b, b.getIndexAttr(0), init); // a constant slice
  return buildLoop(
      b, loc, count, init, [&](OpBuilder &b, Value i, ValueRange values) {
        Value start = arith::MulIOp::create(
            b, loc, i, arith::ConstantIndexOp::create(b, loc, step));
        return body(b, start, values);
      });
}

/// The geometry that the convolution and its gradient share.
struct Tiling {
  Location loc;
  const Window &window;
  Value input;
  /// Sizes of the outputs, and tiles in each dimension.
  int64_t height, width, tilesY, tilesX;
  /// Outputs of a tile, and inputs.
  int64_t step, tile;
  Blocks blocks;

  Tiling(Location loc, const Window &window, Value input,
         ArrayRef<int64_t> outputs, int64_t step, int64_t tile)
      : loc(loc), window(window), input(input), height(outputs[0]),
        width(outputs[1]), tilesY(llvm::divideCeil(outputs[0], step)),
        tilesX(llvm::divideCeil(outputs[1], step)), step(step), tile(tile),
        blocks{getShape(input)[0], tilesY} {}

  int64_t getBatch() const { return getShape(input)[0]; }
  /// Bytes of all entries of a transformed tile for each channel.
  int64_t getEntryBytes() const {
    return tile * tile * getElement(input).getIntOrFloatBitWidth() / 8;
  }
  /// Chooses blocks for `in` and `out` channels. Each block accesses the
  /// transformed filter, or the sums of its gradient, `sharedAccesses` times.
  void chooseBlocks(int64_t cache, int64_t in, int64_t out,
                    int64_t sharedAccesses) {
    blocks = Blocks::choose(cache, getBatch(), tilesY, tilesX,
                            getEntryBytes() * (in + out),
                            sharedAccesses * getEntryBytes() * in * out);
  }
  /// Uses parts only if there is one block, so that each part is made once.
  FilterBlocks chooseFilterBlocks(int64_t cache, int64_t in,
                                  int64_t out) const {
    if (blocks.images != getBatch() || blocks.rows != tilesY)
      return {in, out};
    return FilterBlocks::choose(cache, in, out, getEntryBytes(),
                                getEntryBytes() * in * getBatch() * tilesY *
                                    tilesX);
  }
  /// `count` channels, the last dimension, of `value` from `first` on.
  Value getChannels(OpBuilder &b, Value value, OpFoldResult first,
                    int64_t count) const {
    ArrayRef<int64_t> shape = getShape(value);
    return Part(b, shape)
        .restrict(b, shape.size() - 1, first, count)
        .extract(b, loc, value);
  }
  /// The shape of the transformed tiles, with `channels` channels.
  SmallVector<int64_t> getStack(int64_t channels) const {
    return {tile, tile, blocks.images, blocks.rows, tilesX, channels};
  }

  /// Images from `first` on of `value`.
  Value getImages(OpBuilder &b, Value value, OpFoldResult first) const {
    return Part(b, getShape(value))
        .restrict(b, 0, first, blocks.images)
        .extract(b, loc, value);
  }
  /// The part of these images that windows over whole tiles read.
  Value getPadded(OpBuilder &b, OpFoldResult first) const {
    return window.buildPaddedInput(b, loc, getImages(b, input, first),
                                   {tilesY * step, tilesX * step}, 0.0);
  }
  /// `count` rows of `value` from `first` on.
  Value getRows(OpBuilder &b, Value value, OpFoldResult first,
                int64_t count) const {
    return Part(b, getShape(value))
        .restrict(b, 1, first, count)
        .extract(b, loc, value);
  }
  /// The transformed tiles of a block of padded inputs.
  Value transformInput(OpBuilder &b, const Matrix &matrix, Value padded,
                       OpFoldResult firstRow) const {
    Value rows = getRows(b, padded, firstRow, (blocks.rows - 1) * step + tile);
    Value into =
        buildEmpty(b, loc, getStack(getShape(input)[3]), getElement(input));
    return transformTiles(b, loc, matrix, step, rows, into);
  }

  /// Runs `body` for each block, with the first image and row of outputs.
  /// `begin` makes the values that all rows of a block of images share.
  using Begin = function_ref<SmallVector<Value>(OpBuilder &, OpFoldResult)>;
  using Body = function_ref<Value(OpBuilder &, ArrayRef<Value> shared,
                                  OpFoldResult, OpFoldResult, Value)>;
  Value forEachBlock(OpBuilder &b, Value init, Begin begin, Body body) const {
    int64_t imageBlocks = getBatch() / blocks.images;
    int64_t rowBlocks = tilesY / blocks.rows;
    auto images = [&](OpBuilder &b, OpFoldResult image,
                      ValueRange values) -> SmallVector<Value> {
      SmallVector<Value> shared = begin(b, image);
      return buildBlockLoop(b, loc, rowBlocks, blocks.rows * step, values,
                            [&](OpBuilder &b, OpFoldResult row,
                                ValueRange values) -> SmallVector<Value> {
                              return {body(b, shared, image, row, values[0])};
                            });
    };
    return buildBlockLoop(b, loc, imageBlocks, blocks.images, init, images)[0];
  }
};

/// The sum of products `lhs * rhs` over the reduction of `loops`, onto `init`.
Value buildProducts(OpBuilder &b, Location loc, const Loops &loops, Value lhs,
                    AffineMap lhsMap, Value rhs, AffineMap rhsMap, Value init,
                    AffineMap map) {
  return buildGeneric(b, loc, loops, {lhs, rhs}, init, {lhsMap, rhsMap, map},
                      MultiplyAdd());
}

/// For each entry of a tile, `[points, c] x [c, f]`, a point being a tile.
Value multiplyByFilter(OpBuilder &b, Location loc, Value tiles, Value filter,
                       Value init) {
  Loops loops(b.getContext());
  SmallVector<AffineExpr> at = loops.parallel(5);
  AffineExpr f = loops.parallel(), c = loops.reduction();
  auto with = [&](AffineExpr channel) {
    SmallVector<AffineExpr> results(at);
    results.push_back(channel);
    return loops.map(results);
  };
  return buildProducts(b, loc, loops, tiles, with(c), filter,
                       loops.map({at[0], at[1], c, f}), init, with(f));
}

/// For each entry of a tile, `[points, c]^T x [points, f]`.
Value multiplyTiles(OpBuilder &b, Location loc, Value lhs, Value rhs,
                    Value init) {
  Loops loops(b.getContext());
  SmallVector<AffineExpr> tile = loops.parallel(2);
  AffineExpr c = loops.parallel(), f = loops.parallel();
  SmallVector<AffineExpr> points = loops.reduction(3);
  auto with = [&](AffineExpr channel) {
    return loops.map(
        {tile[0], tile[1], points[0], points[1], points[2], channel});
  };
  return buildProducts(b, loc, loops, lhs, with(c), rhs, with(f), init,
                       loops.map({tile[0], tile[1], c, f}));
}

} // namespace

bool pock::isReadInKernel(Value result) {
  return llvm::any_of(result.getUsers(), [](Operation *user) {
    return !user->hasTrait<OpTrait::IsTerminator>();
  });
}

Value pock::buildFilterPart(OpBuilder &b, Location loc, Value filter,
                            OpFoldResult firstRow, int64_t rows,
                            OpFoldResult firstColumn, int64_t columns) {
  return Part(b, getShape(filter))
      .restrict(b, 2, firstRow, rows)
      .restrict(b, 3, firstColumn, columns)
      .extract(b, loc, filter);
}

Value pock::buildWinograd(OpBuilder &b, Location loc, int64_t cache,
                          const Window &window, Value input,
                          FilterBuilder buildFilter, int64_t out,
                          ArrayRef<int64_t> outputs, bool isRead) {
  const MinimalAlgorithm &algorithm = forwardAlgorithm;
  Tiling tiling(loc, window, input, outputs, algorithm.outputs,
                algorithm.tile());
  if (!tiling.getPadded(b, b.getIndexAttr(0)))
    return {};
  Type element = getElement(input);
  int64_t in = getShape(input)[3], tile = tiling.tile, step = tiling.step;
  tiling.chooseBlocks(cache, in, out, /*sharedAccesses=*/1);
  const Blocks &blocks = tiling.blocks;
  FilterBlocks parts = tiling.chooseFilterBlocks(cache, in, out);

  auto transformFilter = [&](OpBuilder &b, OpFoldResult firstIn,
                             OpFoldResult firstOut) {
    Value filter = buildFilter(b, firstIn, parts.in, firstOut, parts.out);
    return buildTransform(
        b, loc, algorithm.filter, filter, mapOfStack,
        buildEmpty(b, loc, {tile, tile, parts.in, parts.out}, element), {0, 1});
  };
  Value whole; // once for all blocks, if it is one part
  if (parts.in == in && parts.out == out)
    whole = transformFilter(b, b.getIndexAttr(0), b.getIndexAttr(0));

  // Blocks may have rows beyond the result.
  int64_t width = tiling.tilesX * step;
  bool allRows = blocks.rows == tiling.tilesY;
  int64_t height = allRows ? tiling.height : tiling.tilesY * step;
  int64_t blockHeight = allRows ? height : blocks.rows * step;
  bool inPlace = width == tiling.width && blockHeight == blocks.rows * step;
  auto makeTiles = [&](OpBuilder &b, Value products, const Part &place,
                       int64_t images, Value result) {
    SmallVector<int64_t> tiles{images,        blocks.rows, step,
                               tiling.tilesX, step,        parts.out};
    SmallVector<int64_t> rows{images, blocks.rows * step, width, parts.out};
    Value into =
        inPlace ? buildReshape(b, loc, place.extract(b, loc, result), tiles)
                : buildEmpty(b, loc, tiles, element);
    Value block =
        buildReshape(b, loc,
                     buildTransform(b, loc, algorithm.output, products,
                                    mapOfStack, into, {2, 4}),
                     rows);
    if (!inPlace)
      block = Part(b, rows)
                  .restrict(b, 1, b.getIndexAttr(0), blockHeight)
                  .restrict(b, 2, b.getIndexAttr(0), tiling.width)
                  .extract(b, loc, block);
    return place.insert(b, loc, block, result);
  };
  auto makeOutputs = [&](OpBuilder &b, Value transformed, const Part &place,
                         OpFoldResult firstOut, Value result) {
    Value products = buildBlockLoop(
        b, loc, in / parts.in, parts.in,
        buildFilled(b, loc, tiling.getStack(parts.out), element, 0.0),
        [&](OpBuilder &b, OpFoldResult firstIn,
            ValueRange sums) -> SmallVector<Value> {
          Value filter = whole ? whole : transformFilter(b, firstIn, firstOut);
          return {multiplyByFilter(
              b, loc, tiling.getChannels(b, transformed, firstIn, parts.in),
              filter, sums[0])};
        })[0];
    // If there is one block, readers of the result read it image by image.
    int64_t images =
        isRead && blocks.images == tiling.getBatch() ? 1 : blocks.images;
    return buildBlockLoop(b, loc, blocks.images / images, images, result,
                          [&](OpBuilder &b, OpFoldResult image,
                              ValueRange values) -> SmallVector<Value> {
                            Part part = place;
                            part.restrict(b, 3, firstOut, parts.out);
                            if (images != blocks.images)
                              part.restrict(b, 0, image, images);
                            Value from = Part(b, getShape(products))
                                             .restrict(b, 2, image, images)
                                             .extract(b, loc, products);
                            return {
                                makeTiles(b, from, part, images, values[0])};
                          })[0];
  };
  Value result = tiling.forEachBlock(
      b,
      buildEmpty(b, loc, {tiling.getBatch(), height, tiling.width, out},
                 element),
      [&](OpBuilder &b, OpFoldResult image) -> SmallVector<Value> {
        return {tiling.getPadded(b, image)};
      },
      [&](OpBuilder &b, ArrayRef<Value> padded, OpFoldResult image,
          OpFoldResult row, Value result) {
        Value transformed =
            tiling.transformInput(b, algorithm.input, padded[0], row);
        Part place = Part(b, getShape(result))
                         .restrict(b, 0, image, blocks.images)
                         .restrict(b, 1, row, blockHeight);
        return buildBlockLoop(
            b, loc, out / parts.out, parts.out, result,
            [&](OpBuilder &b, OpFoldResult firstOut,
                ValueRange values) -> SmallVector<Value> {
              return {makeOutputs(b, transformed, place, firstOut, values[0])};
            })[0];
      });
  return tiling.getRows(b, result, b.getIndexAttr(0), tiling.height);
}

Value pock::buildWinogradWeightGradient(OpBuilder &b, Location loc,
                                        int64_t cache, const Window &window,
                                        Value input, Value gradient,
                                        bool isRead) {
  const MinimalAlgorithm &algorithm = gradientAlgorithm;
  ArrayRef<int64_t> shape = getShape(gradient);
  Tiling tiling(loc, window, input, shape.slice(1, 2), algorithm.taps,
                algorithm.tile());
  if (!tiling.getPadded(b, b.getIndexAttr(0)))
    return {};
  Type element = getElement(input);
  int64_t in = getShape(input)[3], out = shape[3];
  int64_t tile = tiling.tile, step = tiling.step;
  // The sums are read and written.
  tiling.chooseBlocks(cache, in, out, /*sharedAccesses=*/2);
  FilterBlocks parts = tiling.chooseFilterBlocks(cache, in, out);

  auto pad = [&](OpBuilder &b, OpFoldResult image) -> SmallVector<Value> {
    SmallVector<int64_t> none(2, 0);
    SmallVector<int64_t> beyond{tiling.tilesY * step - tiling.height,
                                tiling.tilesX * step - tiling.width};
    return {tiling.getPadded(b, image),
            buildPaddedSpatial(b, loc, Layout::ChannelsLast,
                               tiling.getImages(b, gradient, image), none,
                               beyond, 0.0)};
  };
  auto transformGradient = [&](OpBuilder &b, Value padded, OpFoldResult row,
                               OpFoldResult firstOut) {
    Value rows = tiling.getChannels(
        b, tiling.getRows(b, padded, row, tiling.blocks.rows * step), firstOut,
        parts.out);
    return transformTiles(
        b, loc, algorithm.filter, step, rows,
        buildEmpty(b, loc, tiling.getStack(parts.out), element));
  };
  // Of `sums`, `rows` input channels and all output channels.
  auto transformSums = [&](OpBuilder &b, Value sums, OpFoldResult firstIn,
                           int64_t rows, OpFoldResult firstOut, Value into) {
    Part place = Part(b, getShape(into))
                     .restrict(b, 2, firstIn, rows)
                     .restrict(b, 3, firstOut, parts.out);
    return place.insert(b, loc,
                        buildTransform(b, loc, algorithm.output, sums,
                                       mapOfStack, place.extract(b, loc, into),
                                       {0, 1}),
                        into);
  };
  SmallVector<int64_t> sumsShape{tile, tile, parts.in, parts.out};
  Value result = buildEmpty(
      b, loc, {window.kernel[0], window.kernel[1], in, out}, element);
  OpFoldResult zero = b.getIndexAttr(0);

  if (parts.in == in && parts.out == out) {
    Value sums = tiling.forEachBlock(
        b, buildFilled(b, loc, sumsShape, element, 0.0), pad,
        [&](OpBuilder &b, ArrayRef<Value> padded, OpFoldResult,
            OpFoldResult row, Value sums) {
          return multiplyTiles(
              b, loc, tiling.transformInput(b, algorithm.input, padded[0], row),
              transformGradient(b, padded[1], row, zero), sums);
        });
    // Readers of the gradient read it part by part.
    int64_t rows = in;
    if (isRead)
      while (rows % 2 == 0 && tiling.getEntryBytes() * rows * out > cache / 4)
        rows /= 2;
    return buildBlockLoop(
        b, loc, in / rows, rows, result,
        [&](OpBuilder &b, OpFoldResult firstIn,
            ValueRange values) -> SmallVector<Value> {
          Value part = Part(b, getShape(sums))
                           .restrict(b, 2, firstIn, rows)
                           .extract(b, loc, sums);
          return {transformSums(b, part, firstIn, rows, zero, values[0])};
        })[0];
  }
  // All tiles at once, so that the sums of a part are complete.
  SmallVector<Value> padded = pad(b, zero);
  Value transformed =
      tiling.transformInput(b, algorithm.input, padded[0], zero);
  return buildBlockLoop(
      b, loc, out / parts.out, parts.out, result,
      [&](OpBuilder &b, OpFoldResult firstOut, ValueRange values) {
        Value gradients = transformGradient(b, padded[1], zero, firstOut);
        return buildBlockLoop(
            b, loc, in / parts.in, parts.in, values,
            [&](OpBuilder &b, OpFoldResult firstIn,
                ValueRange values) -> SmallVector<Value> {
              Value sums = multiplyTiles(
                  b, loc, tiling.getChannels(b, transformed, firstIn, parts.in),
                  gradients, buildFilled(b, loc, sumsShape, element, 0.0));
              return {transformSums(b, sums, firstIn, parts.in, firstOut,
                                    values[0])};
            });
      })[0];
}
