//===- OrderPieceSearch.h - All strategies on one part of an order --------===//
#ifndef POCK_SUPPORT_ORDERPIECESEARCH_H
#define POCK_SUPPORT_ORDERPIECESEARCH_H

#include "OrderPieces.h"

namespace mlir::pock {

/// The best known order of a piece, and the strategies to improve it. Peaks up
/// to a `floor` count as equal. All strategies subtract their work from
/// `evaluations`.
class PieceSearch {
public:
  explicit PieceSearch(Piece piece);

  llvm::ArrayRef<int> getOrder() const { return order; }
  int64_t getPeak() const { return peak; }
  /// A lower bound for the peaks of all orders, where peaks up to a floor count
  /// as equal.
  int64_t getBound() const { return bound; }

  /// List scheduling, the bound, and a short exact search.
  void improveFast(int64_t floor, int64_t &evaluations);
  /// The strategies that take longer.
  void improve(int64_t floor, int64_t &evaluations);

private:
  bool isDone(int64_t floor) const { return peak <= std::max(bound, floor); }
  void raiseBound(int64_t floor, int64_t effort, int64_t &evaluations);
  void reorderAround(const TaskSet &first);
  void searchExactly(int valleys, int64_t floor, int64_t effort,
                     int64_t &evaluations);
  void followBeam(int width, int64_t floor, int64_t effort,
                  int64_t &evaluations);
  void reorderWindows(int64_t floor, int64_t &evaluations);
  bool reorderWindow(int begin, int end, int64_t floor, int64_t &evaluations);
  /// Keeps `found` if its peak is lower.
  void take(llvm::ArrayRef<int> found);
  llvm::SmallVector<int64_t> getLive() const;

  Piece piece;
  OrderGraph forward, backward;
  llvm::SmallVector<int> order;
  int64_t peak, bound = 0;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERPIECESEARCH_H
