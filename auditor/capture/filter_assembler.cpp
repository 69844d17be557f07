#include "auditor/capture/filter_assembler.h"

#include <linux/filter.h>

#include <algorithm>
#include <cassert>
#include <map>

namespace airtight::audit {
namespace {

constexpr unsigned kLastWord = 3;

std::uint32_t word_of(u128 value, unsigned word) { return static_cast<std::uint32_t>(value >> (32 * (3 - word))); }
// What stands behind the word.
u128 rest_mask(unsigned word) { return word == kLastWord ? u128{0} : (u128{1} << (32 * (3 - word))) - 1; }

}  // namespace

FilterAssembler::Place FilterAssembler::push(std::uint16_t code, std::uint8_t jt, std::uint8_t jf, std::uint32_t k) {
  reversed_.push_back({code, jt, jf, k});
  return reversed_.size();
}

FilterAssembler::Place FilterAssembler::give(std::uint32_t result) { return push(BPF_RET | BPF_K, 0, 0, result); }

FilterAssembler::Place FilterAssembler::then(std::uint16_t code, std::uint32_t k, Place next) {
  if (next != size()) push(BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(size() - next));
  return push(code, 0, 0, k);
}

FilterAssembler::Place FilterAssembler::when(std::uint16_t jump, std::uint32_t k, Place yes, Place no) {
  if (yes == no) return yes;
  for (;;) {
    Place* far = size() - yes > UINT8_MAX ? &yes : size() - no > UINT8_MAX ? &no : nullptr;
    if (far == nullptr) break;
    *far = push(BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(size() - *far));
  }
  return push(static_cast<std::uint16_t>(BPF_JMP | jump), static_cast<std::uint8_t>(size() - yes),
              static_cast<std::uint8_t>(size() - no), k);
}

FilterAssembler::Place FilterAssembler::choose(std::span<const Piece> pieces) {
  assert(!pieces.empty());
  if (pieces.size() == 1) return pieces[0].place;
  const std::size_t half = pieces.size() / 2;
  const Place high = choose(pieces.subspan(half));
  const Place low = choose(pieces.first(half));
  return when(BPF_JGE | BPF_K, pieces[half].first, high, low);
}

FilterAssembler::Place FilterAssembler::among(std::span<const Interval<std::uint32_t>> values, Place yes, Place no) {
  std::vector<Piece> pieces{{0, no}};
  for (const auto& [first, last] : values) {
    if (pieces.back().first == first) pieces.pop_back();
    pieces.push_back({first, yes});
    if (last != UINT32_MAX) pieces.push_back({last + 1, no});
  }
  return choose(pieces);
}

FilterAssembler::Place FilterAssembler::address_among(std::span<const Interval<u128>> values, std::uint32_t offset,
                                                      Place yes, Place no) {
  return values.empty() ? no : words_among(values, 0, offset, yes, no);
}

// `values` agree in the words before this one. A value of the word that they hold in part leads on to the next.
FilterAssembler::Place FilterAssembler::words_among(std::span<const Interval<u128>> values, unsigned word,
                                                    std::uint32_t offset, Place yes, Place no) {
  const u128 rest = rest_mask(word);
  std::map<std::uint32_t, std::vector<Interval<u128>>> partly;
  std::vector<Interval<std::uint32_t>> wholly;
  for (const auto& [first, last] : values) {
    const u128 end_of_first = std::min(first | rest, last);
    const bool cut_first = (first & rest) != 0 || end_of_first != (first | rest);
    const bool cut_last = (last & rest) != rest;
    const std::uint64_t from = word_of(first, word), to = word_of(last, word);
    if (cut_first) partly[word_of(first, word)].push_back({first, end_of_first});
    if (cut_last && (from != to || !cut_first))
      partly[word_of(last, word)].push_back({std::max(first, last & ~rest), last});
    const std::uint64_t whole_from = from + (cut_first ? 1 : 0), whole_to = to + (cut_last ? 0 : 1);  // half open
    if (whole_from < whole_to) {
      wholly.push_back({static_cast<std::uint32_t>(whole_from), static_cast<std::uint32_t>(whole_to - 1)});
    }
  }
  std::map<std::uint32_t, Place> starts;  // of pieces, each followed by one of `no` unless another begins there
  std::map<std::uint32_t, Place> ends;
  for (const auto& [value, parts] : partly) {
    starts[value] = words_among(parts, word + 1, offset, yes, no);
    if (value != UINT32_MAX) ends[value + 1] = no;
  }
  for (const auto& [first, last] : wholly) {
    starts[first] = yes;
    if (last != UINT32_MAX) ends[last + 1] = no;
  }
  starts.merge(ends);
  starts.try_emplace(0, no);
  std::vector<Piece> pieces;
  for (const auto& [first, place] : starts) {
    if (pieces.empty() || pieces.back().place != place) pieces.push_back({first, place});
  }
  return then(BPF_LD | BPF_W | BPF_ABS, offset + 4 * word, choose(pieces));
}

FilterProgram FilterAssembler::program(Place start) {
  if (start != size()) push(BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(size() - start));
  return {reversed_.rbegin(), reversed_.rend()};
}

}  // namespace airtight::audit
