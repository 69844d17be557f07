#include "compiler/verify/obligation_text.h"

#include <algorithm>

namespace airtight::verify {
namespace {

constexpr std::size_t kWorthAName = 2;  // intervals of a set

std::string sort_of(int width) { return width == 0 ? "Bool" : "(_ BitVec " + std::to_string(width) + ")"; }

Term joined(std::string_view op, const std::vector<Term>& parts, const Term& neutral, const Term& deciding) {
  std::string text;
  std::size_t count = 0;
  for (const Term& part : parts) {
    if (part == deciding) return deciding;
    if (part == neutral) continue;
    text += ' ' + part;
    ++count;
  }
  if (count == 0) return neutral;
  return count == 1 ? text.substr(1) : "(" + std::string(op) + text + ")";
}

Term within(const Term& term, int width, const IntervalSet<u128>& values) {
  const u128 largest = width == 128 ? ~u128{0} : (u128{1} << width) - 1;
  std::vector<Term> parts;
  for (const Interval<u128>& interval : values.intervals()) {
    if (interval.first == interval.last) {
      parts.push_back("(= " + term + " " + number(interval.first, width) + ")");
      continue;
    }
    const Term low = interval.first == 0 ? "true" : "(bvuge " + term + " " + number(interval.first, width) + ")";
    const Term high = interval.last >= largest ? "true" : "(bvule " + term + " " + number(interval.last, width) + ")";
    parts.push_back(all_of({low, high}));
  }
  return any_of(parts);
}

std::string comment_line(std::string_view text) {
  std::string line = (text.empty() ? ";" : "; ") + std::string(text) + "\n";
  std::replace_if(
      line.begin(), line.end() - 1, [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

}  // namespace

Term all_of(const std::vector<Term>& parts) { return joined("and", parts, "true", "false"); }
Term any_of(const std::vector<Term>& parts) { return joined("or", parts, "false", "true"); }
Term negated(const Term& term) { return term == "true" ? "false" : term == "false" ? "true" : "(not " + term + ")"; }

Term chosen(const Term& condition, const Term& then, const Term& otherwise) {
  if (condition == "true" || then == otherwise) return then;
  return condition == "false" ? otherwise : "(ite " + condition + " " + then + " " + otherwise + ")";
}

Term number(u128 value, int width) {
  const int step = width % 4 == 0 ? 4 : 1;
  std::string text = step == 4 ? "#x" : "#b";
  for (int shift = width - step; shift >= 0; shift -= step)
    text += "0123456789abcdef"[static_cast<std::size_t>(value >> shift) & (step == 4 ? 15U : 1U)];
  return text;
}

Term SolverSets::has(const Term& term, int width, const IntervalSet<u128>& values) {
  if (values.intervals().size() < kWorthAName) return within(term, width, values);
  const auto [place, added] = names_.try_emplace({width, values}, "set" + std::to_string(names_.size() + 1));
  if (added)
    text_ +=
        "(define-fun " + place->second + " ((v " + sort_of(width) + ")) Bool " + within("v", width, values) + ")\n";
  return "(" + place->second + " " + term + ")";
}

Term Problem::constant(std::string name, int width) {
  text_ += "(declare-const " + name + " " + sort_of(width) + ")\n";
  return name;
}

Term Problem::fresh(std::string_view name, int width) {
  const std::size_t count = ++fresh_.try_emplace(std::string(name), 0).first->second;
  return constant(std::string(name) + "_" + std::to_string(count), width);
}

Term Problem::define(const Term& value, int width) {
  if (value.front() != '(') return value;
  std::string name = "d" + std::to_string(++defined_);
  // Not define-fun, which solvers write out at each use: 3,000 rules then take a hundred times as long.
  text_ += "(declare-const " + name + " " + sort_of(width) + ")\n(assert (= " + name + " " + value + "))\n";
  return name;
}

void Problem::require(const Term& condition) {
  if (condition != "true") text_ += "(assert " + condition + ")\n";
}

void Problem::note(std::string_view comment) { text_ += comment_line(comment); }

void SolverFile::note(std::string_view comment) { text_ += comment_line(comment); }

void SolverFile::check(std::string_view title, const Problem& problem, Expected expected) {
  text_ += '\n' + sets_.take() + "(push 1)\n" + problem.text();
  static constexpr std::string_view kWords[] = {"unsat", "sat", "unknown-ok"};
  note("check " + std::to_string(++checks_) + ": " + std::string(title) + "; expect " +
       std::string(kWords[static_cast<std::size_t>(expected)]));
  text_ += "(check-sat)\n(pop 1)\n";
}

void SolverFile::not_encoded(std::string_view title, std::string_view why) {
  text_ += '\n';
  note("not encoded: " + std::string(title) + ": " + std::string(why));
}

}  // namespace airtight::verify
