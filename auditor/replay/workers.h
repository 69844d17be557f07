// Judges frames, on one thread or several: frames of one pair of addresses always meet the same classifier, so that
// flows are whole and the result does not depend on the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auditor/classify/classifier.h"
#include "auditor/finding.h"
#include "auditor/replay/result.h"

namespace airtight::audit {

// Names with how often they were seen; at most kMaxNames of them.
inline constexpr std::size_t kMaxNames = 10'000;

class NameBook final : public NameSink {
 public:
  void seen(NameFrom from, std::string_view name, bool inside) override;
  void merge(NameBook&& other);
  const std::map<std::string, SeenName, std::less<>>& names() const { return names_; }
  std::uint64_t left_out() const { return left_out_; }  // sightings of names that were not kept

 private:
  void trim();

  std::map<std::string, SeenName, std::less<>> names_;
  std::uint64_t left_out_ = 0;
  std::string folded_;
};

// What all of them found together.
struct Tally {
  Counts counts;
  FindingLedger findings;
  NameBook names;
};

class Workers {
 public:
  // `marked` is called on the caller's thread, in the order of the frames, for each frame on which a rule was marked;
  // it may be empty.
  using Marked = std::function<void(const Frame& frame, const Point& point, const RuleInfo& worst)>;
  Workers(const Boundary& boundary, std::size_t flows, unsigned threads, Marked marked);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // `frame.bytes` need not outlive the call; `point` must outlive finish().
  void see(const Frame& frame, const Point& point, std::uint32_t place);
  // Waits for all, and hands out the sum. An exception of a worker comes out here or in see().
  Tally finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
