//===- OrderPieceSearch.h - All strategies on one part of an order --------===//
#ifndef POCK_SUPPORT_ORDERPIECESEARCH_H
#define POCK_SUPPORT_ORDERPIECESEARCH_H

#include "OrderPieces.h"

namespace mlir::pock {

/// The best order known of a piece, and what is tried for a better one. Peaks
/// up to a `floor` are all the same; all that is done is taken from
/// `evaluations`.
class PieceSearch {
public:
  explicit PieceSearch(Piece piece);

  llvm::ArrayRef<int> getOrder() const { return order; }
  int64_t getPeak() const { return peak; }
  /// No order has a smaller peak, or none has one below a floor.
  int64_t getBound() const { return bound; }

  /// List scheduling, the bound, and an exact search that gives up soon.
  void improveFast(int64_t floor, int64_t &evaluations);
  /// What takes longer.
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
  /// Keeps `found` if it is better.
  void take(llvm::ArrayRef<int> found);
  llvm::SmallVector<int64_t> getLive() const;

  Piece piece;
  OrderGraph forward, backward;
  llvm::SmallVector<int> order;
  int64_t peak, bound = 0;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERPIECESEARCH_H
