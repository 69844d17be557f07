// SMT-LIB 2.6 as text: what an obligation is written with. Terms are strings; nothing here knows policies or rulesets.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/net/interval_set.h"
#include "compiler/net/ip.h"

namespace airtight::verify {

using Term = std::string;

// Simplified where a part is `true` or `false`.
Term all_of(const std::vector<Term>&);
Term any_of(const std::vector<Term>&);
Term negated(const Term&);
Term chosen(const Term& condition, const Term& then, const Term& otherwise);
Term number(u128 value, int width);

// What the judges found, or Unknown where they claim neither.
enum class Expected { Unsat, Sat, Unknown };

// Sets of values that problems share, each written once.
class SolverSets {
 public:
  // Whether the term, so many bits wide, has one of the values.
  Term has(const Term& term, int width, const IntervalSet<u128>& values);
  // The definitions of the sets that were new since the last call.
  std::string take() { return std::exchange(text_, {}); }

 private:
  std::map<std::pair<int, IntervalSet<u128>>, std::string> names_;
  std::string text_;
};

// What one check-sat asks: constants, definitions and assertions of a scope of its own. Names are of SMT-LIB's simple
// symbols; the same calls give the same text.
class Problem {
 public:
  explicit Problem(SolverSets& sets) : sets_(&sets) {}

  Term constant(std::string name, int width);  // 0: Bool
  Term fresh(std::string_view name, int width);
  Term define(const Term& value, int width = 0);  // a name for it; for a constant or a name that itself
  void require(const Term& condition);
  void note(std::string_view comment);
  Term has(const Term& term, int width, const IntervalSet<u128>& values) { return sets_->has(term, width, values); }
  const std::string& text() const { return text_; }

 private:
  SolverSets* sets_;
  std::string text_;
  std::size_t defined_ = 0;
  std::map<std::string, std::size_t, std::less<>> fresh_;
};

// The file. Comments are cut down to printable ASCII, so that no name of the input leaves its line.
class SolverFile {
 public:
  SolverSets& sets() { return sets_; }
  void note(std::string_view comment);
  void logic() { text_ += "(set-logic QF_BV)\n"; }
  void check(std::string_view title, const Problem&, Expected);
  void not_encoded(std::string_view title, std::string_view why);
  std::string take() { return std::move(text_); }

 private:
  SolverSets sets_;
  std::string text_;
  std::size_t checks_ = 0;
};

}  // namespace airtight::verify
