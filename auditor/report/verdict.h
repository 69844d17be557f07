// What speaks against "proven", gathered while logs are judged, and put into order.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "auditor/report/coverage.h"
#include "auditor/report/report.h"

namespace airtight::audit {

class Reasons {
 public:
  // The most important first.
  enum class Rank : std::uint8_t { Violation, Missing, NoEvidence, Damage, Enrolment, Finding, Gap, Other };
  void add(Rank rank, std::string text);
  // A gap that is not bridged; alike ones of a node become one reason, and those of many nodes too.
  void add(const std::string& node, const CoverageGap& gap);

  bool any() const { return !texts_.empty() || !gaps_.empty(); }
  std::vector<std::string> take() &&;

 private:
  struct Alike {
    std::uint64_t times = 0;
    Spans spans;
    std::string amount;  // of the first
  };
  std::vector<std::pair<Rank, std::string>> texts_;
  std::map<std::pair<Cause, std::string>, std::map<std::string, Alike>> gaps_;  // by cause and interface, by node
};

// "3 packets left to 2 outside destinations at n1"; empty where no finding violates.
std::string violation_text(const std::vector<ReportFinding>& findings);

}  // namespace airtight::audit
