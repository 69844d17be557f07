#include "auditor/replay/report_wording.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400;

struct LinkName {
  LinkType link;
  std::string_view name;
};
constexpr LinkName kLinks[] = {
    {LinkType::Null, "BSD loopback"},
    {LinkType::Ethernet, "Ethernet"},
    {LinkType::Ppp, "PPP"},
    {LinkType::RawBsd, "raw IP"},
    {LinkType::RawOpenBsd, "raw IP"},
    {LinkType::PppHdlc, "PPP in HDLC"},
    {LinkType::PppEther, "PPPoE"},
    {LinkType::Raw, "raw IP"},
    {LinkType::Loop, "OpenBSD loopback"},
    {LinkType::FrameRelay, "Frame Relay"},
    {LinkType::LinuxSll, "Linux cooked"},
    {LinkType::Ppi, "PPI"},
    {LinkType::Ipv4, "raw IPv4"},
    {LinkType::Ipv6, "raw IPv6"},
    {LinkType::Nflog, "NFLOG"},
    {LinkType::LinuxSll2, "Linux cooked v2"},
};

// What a violation is about, for the first line. Every rule that violates at an uplink is of one kind.
enum class Kind : std::uint8_t { Packets, Names, Frames };
Kind kind_of(Rule rule) {
  switch (rule) {
    case Rule::NameAskedOutside:
    case Rule::NameInClear:
      return Kind::Names;
    case Rule::UndeclaredEtherType:
    case Rule::UndeclaredTag:
      return Kind::Frames;
    default:
      return Kind::Packets;
  }
}

// "3 packets left to 2 outside destinations, 1 outside name left in 4 packets"; empty if no finding violates.
std::string violations(const ReplayResult& result) {
  std::array<std::uint64_t, 3> packets{};
  std::set<Ip> destinations;
  std::set<std::string_view> names;
  for (const Finding& finding : result.findings) {
    if (finding.effect != Effect::Violated) continue;
    const Kind kind = kind_of(finding.rule);
    packets[static_cast<std::size_t>(kind)] += finding.packets;
    if (kind == Kind::Packets && finding.has_addresses) destinations.insert(finding.destination);
    if (kind == Kind::Names) names.insert(finding.name);
  }
  const auto of = [&](Kind kind) { return packets[static_cast<std::size_t>(kind)]; };
  std::string out;
  const auto add = [&](const std::string& clause) { out += (out.empty() ? "" : ", ") + clause; };
  if (of(Kind::Packets) > 0)
    add(counted(of(Kind::Packets), "packet") + " left" +
        (destinations.empty() ? "" : " to " + counted(destinations.size(), "outside destination")));
  if (of(Kind::Names) > 0)
    add(counted(names.size(), "outside name") + " left in " + counted(of(Kind::Names), "packet"));
  if (of(Kind::Frames) > 0) add(counted(of(Kind::Frames), "undeclared frame") + " left");
  if (!out.empty() && result.findings_left_out > 0) out += ", or more";
  return out;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 3> kWords{"clean", "violated", "inconclusive"};
  return kWords[static_cast<std::size_t>(verdict)];
}

std::string name_of(LinkType link) {
  const LinkName* found =
      std::find_if(std::begin(kLinks), std::end(kLinks), [&](const LinkName& row) { return row.link == link; });
  if (found != std::end(kLinks)) return std::string(found->name);
  return "link type " + std::to_string(static_cast<unsigned>(link));
}

// The calendar of RFC 3339 by counting from 1600-03-01, so that a leap day is the last of its year.
std::string format_time(std::int64_t time) {
  if (time == kNoTime) return {};
  std::int64_t seconds = time / kSecond, fraction = time % kSecond;
  if (fraction < 0) fraction += kSecond, --seconds;
  std::int64_t days = seconds / kDay, rest = seconds % kDay;
  if (rest < 0) rest += kDay, --days;
  constexpr std::int64_t kFrom1600 =
      135'080;                              // days from 1600-03-01 to 1970-01-01; no 64-bit nanosecond is before that
  constexpr std::int64_t kCycle = 146'097;  // days of 400 years
  std::int64_t day = days + kFrom1600;
  std::int64_t year = 1600 + day / kCycle * 400;
  day %= kCycle;
  const std::int64_t century = std::min<std::int64_t>(day / 36'524, 3);
  day -= century * 36'524;
  const std::int64_t leap = day / 1'461;
  day -= leap * 1'461;
  const std::int64_t single = std::min<std::int64_t>(day / 365, 3);
  day -= single * 365;
  year += century * 100 + leap * 4 + single;
  const std::int64_t from_march = (5 * day + 2) / 153;
  const std::int64_t day_of_month = day - (153 * from_march + 2) / 5 + 1;
  const std::int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  if (month < 3) ++year;

  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(year), static_cast<int>(month),
                static_cast<int>(day_of_month), static_cast<int>(rest / 3'600), static_cast<int>(rest / 60 % 60),
                static_cast<int>(rest % 60));
  std::string out = text;
  if (fraction != 0) {
    std::snprintf(text, sizeof text, ".%09d", static_cast<int>(fraction));
    out += text;
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

std::string span_text(std::int64_t first, std::int64_t last) {
  if (first == kNoTime && last == kNoTime) return "without time";
  if (first == kNoTime || last == kNoTime || first == last) return format_time(first == kNoTime ? last : first);
  return format_time(first) + " – " + format_time(last);
}

std::vector<std::string> file_names(const std::vector<ReplayedFile>& files) {
  const auto last_part = [](const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
  };
  std::map<std::string, std::size_t> times;
  for (const ReplayedFile& file : files) ++times[last_part(file.path)];
  std::vector<std::string> names;
  for (const ReplayedFile& file : files) {
    const std::string part = last_part(file.path);
    names.push_back(shown(times[part] == 1 ? part : file.path));
  }
  return names;
}

std::string heading(const ReplayResult& result) {
  std::string out(to_string(result.verdict));
  if (result.verdict == Verdict::Clean)
    return result.exceptions_used == 0 ? out : out + " with " + counted(result.exceptions_used, "exception");
  std::string why = result.verdict == Verdict::Violated ? violations(result) : "";
  if (why.empty() && !result.reasons.empty()) {
    why = shown(result.reasons.front(), 400);
    if (result.reasons.size() > 1) why += ", and " + counted(result.reasons.size() - 1, "more reason");
  }
  return why.empty() ? out : out + ": " + why;
}

}  // namespace airtight::audit
