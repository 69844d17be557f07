#include "auditor/report/cause.h"

#include <array>

namespace airtight::audit {
namespace {

struct CauseInfo {
  std::string_view text;
  bool node_wide;
};

constexpr std::array<CauseInfo, kCauses> kTable = {{
    {"enforcement was open", true},
    {"packets that do not add up", true},
    {"a way around the firewall that the policy does not name", true},
    {"an undeclared interface was up", true},
    {"an uplink that the inventory does not name", true},
    {"an uplink of the inventory was not watched", true},
    {"an uplink was not counted", true},
    {"judged by a policy that is not known to be allowed", true},
    {"a canary round did not fare well", true},
    {"enforcement could not be read", true},
    {"the rules changed, and what was in force until the next reading is not known", true},
    {"enforcement was not read", false},
    {"kernel drops", false},
    {"lost kernel events", true},
    {"an interface was opened late", true},
    {"a table was full", false},
    {"the agent was suspended", false},
    {"the clock was stepped", false},
    {"the log could not be written", false},
    {"the end of the log was torn", false},
    {"records that no key could seal", false},
    {"the agent was restarted", false},
    {"a gap of another kind", true},
    {"no start record says what was watched", false},
    {"a heartbeat that cannot be right", false},
    {"records that nothing seals", false},
    {"no record of this time", false},
    {"no good canary round near enough", false},
}};

}  // namespace

std::string_view to_string(Cause cause) { return kTable[static_cast<std::size_t>(cause)].text; }
bool is_node_wide(Cause cause) { return kTable[static_cast<std::size_t>(cause)].node_wide; }

Cause cause_of(GapReason reason) {
  switch (reason) {
    case GapReason::KernelDrops:
      return Cause::KernelDrops;
    case GapReason::LostEvents:
      return Cause::LostEvents;
    case GapReason::LateInterface:
      return Cause::LateInterface;
    case GapReason::UndeclaredInterface:
      return Cause::UndeclaredInterface;
    case GapReason::NotConserved:
      return Cause::NotConserved;
    case GapReason::Restart:
      return Cause::Restart;
    case GapReason::ClockStep:
      return Cause::ClockStep;
    case GapReason::Suspended:
      return Cause::Suspended;
    case GapReason::TableFull:
      return Cause::TableFull;
    case GapReason::TornTail:
      return Cause::TornTail;
    case GapReason::LogWrite:
      return Cause::LogWrite;
    case GapReason::NoSeal:
      return Cause::NoSeal;
    case GapReason::Canary:
      return Cause::CanaryFailed;
    case GapReason::Bypass:
      return Cause::Bypass;
    case GapReason::Other:
      break;
  }
  return Cause::Other;
}

}  // namespace airtight::audit
