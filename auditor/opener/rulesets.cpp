#include "auditor/opener/rulesets.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <nftables/libnftables.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>

#include "auditor/opener/netfilter_netlink.h"

namespace airtight::audit {
namespace {

constexpr auto kPatience = std::chrono::seconds(25);
constexpr unsigned kLastResort = 30;  // seconds
constexpr std::string_view kIptablesTables[] = {"filter", "nat", "mangle", "raw", "security"};

struct IptablesFamily {
  std::uint8_t family;
  const char* nft_save;
  const char* legacy_save;
  const char* legacy_names;
};
constexpr IptablesFamily kFamilies[] = {
    {NFPROTO_IPV4, "iptables-nft-save", "iptables-legacy-save", "/proc/self/net/ip_tables_names"},
    {NFPROTO_IPV6, "ip6tables-nft-save", "ip6tables-legacy-save", "/proc/self/net/ip6_tables_names"}};

// In a process of its own: standard output is the listing.
int list_by_libnftables() {
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free);
  FILE* const out = fdopen(STDOUT_FILENO, "w");  // not stdout, where what the agent had not yet written still waits
  if (!context || out == nullptr) return 1;
  nft_ctx_set_output(context.get(), out);
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_JSON);
  const int result = nft_run_cmd_from_buffer(context.get(), "list ruleset");
  return std::fclose(out) != 0 || result != 0 ? 1 : 0;
}

// Whether the old backend has tables in this family; the error if that cannot be told.
std::error_code legacy_in_use(const char* names, bool& in_use) {
  in_use = false;
  const Fd file(open(names, O_RDONLY | O_CLOEXEC));
  if (!file) {
    const int number = errno;
    // The kernel has no such tables; but only /proc can say that.
    if (number == ENOENT && access("/proc/self/net/dev", F_OK) == 0) return {};
    return {number, std::system_category()};
  }
  char first = 0;
  const ssize_t size = read(file.get(), &first, 1);
  if (size < 0) return {errno, std::system_category()};
  in_use = size > 0;
  return {};
}

bool write_all(int out, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = write(out, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace

std::vector<RulesetDump> read_every_ruleset(const ToolLimits& limits) {
  std::vector<RulesetDump> dumps;
  dumps.push_back(run_apart("nft -j list ruleset", list_by_libnftables, limits));
  // Expressions of iptables' own, which nft lists by their name alone.
  const bool opaque = dumps.front().failed || dumps.front().text.find(R"("xt")") != std::string::npos;

  NetfilterNetlink netlink;
  std::vector<NetfilterNetlink::Table> tables;
  const std::error_code no_tables = netlink.tables(tables);
  for (const IptablesFamily& family : kFamilies) {
    const bool in_nft = std::any_of(tables.begin(), tables.end(), [&](const NetfilterNetlink::Table& table) {
      return table.family == family.family &&
             std::find(std::begin(kIptablesTables), std::end(kIptablesTables), table.name) != std::end(kIptablesTables);
    });
    if (no_tables) {
      dumps.push_back({family.nft_save, "", "the tables of nftables cannot be listed: " + no_tables.message(), true});
    } else if (in_nft && (opaque || has_tool(family.nft_save))) {
      dumps.push_back(run_tool(family.nft_save, limits));
    }
    bool in_use = false;
    if (const std::error_code error = legacy_in_use(family.legacy_names, in_use)) {
      dumps.push_back(
          {family.legacy_save, "", std::string(family.legacy_names) + " cannot be read: " + error.message(), true});
    } else if (in_use) {
      dumps.push_back(run_tool(family.legacy_save, limits));
    }
  }
  return dumps;
}

void write_rulesets(int out) {
  alarm(kLastResort);
  const std::vector<RulesetDump> dumps = read_every_ruleset({std::chrono::steady_clock::now() + kPatience});
  RulesetDump count;
  count.text = std::to_string(dumps.size());
  bool written = write_all(out, encode_dump(count));
  for (const RulesetDump& dump : dumps) written = written && write_all(out, encode_dump(dump));
  _exit(written ? 0 : 1);
}

}  // namespace airtight::audit
