#include "auditor/command/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/evidence/enrolment.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/evidence/writer.h"
#include "auditor/report/inventory.h"
#include "auditor/wording.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMaxKeyList = 64 << 20;
constexpr std::size_t kMaxInventory = 64 << 20;
constexpr std::size_t kMaxKeyFile = 4096;

constexpr const char* kKeygenNotes =
    "On the node: --node and --state begin a log there, with one key an epoch; the secret half of the current epoch "
    "lies\n"
    "beside it (DIR.key, mode 0600) and is overwritten as epochs end. Off the nodes: --trust makes the key that "
    "enrols\n"
    "them; keep FILE secret, give FILE.pub to whoever verifies. Nothing that exists is overwritten.";

constexpr const char* kEnrolNotes =
    "Signs that these keys are the node's, and which inventory and policies hold from now on. Needs the private key, "
    "so "
    "do\n"
    "it off the nodes with a copy of the log's 'keys', and put the note into DIR/enrolment/; or let --into do that. A "
    "new\n"
    "policy is enrolled by enrolling again, before it takes effect, with every policy that may then be in force.";

struct KeygenLine {
  std::string node, state, key;
  std::string first;
  std::uint64_t epoch = 3600;
  std::uint64_t epochs = 8760;
  std::string trust, output;
};

struct EnrolLine {
  std::string trust_key, keys, inventory;
  std::vector<std::string> policies;
  std::string output, into;
};

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

// A file that was not there; nothing of it is left where that fails. The error was printed then.
int write_new(const std::string& path, std::string_view bytes, mode_t mode) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) {
    return errno == EEXIST ? failed(kBadInput, path + " exists already", "nothing is overwritten: name another file")
                           : failed(kEnvironment, path + " cannot be written: " + std::strerror(errno));
  }
  if (write_all(file.get(), bytes) && ::fsync(file.get()) == 0) return kDone;
  const int error = errno;
  ::unlink(path.c_str());
  return failed(kEnvironment, path + " cannot be written: " + std::strerror(error));
}

// Whole or not at all, under the first number that is free; `name` says which. A log's own "tmp" belongs to the agent.
int put_into(const std::string& directory, std::string_view note, std::string& name) {
  const auto broken = [&] {
    return failed(kEnvironment, directory + "/enrolment cannot be written: " + std::strerror(errno));
  };
  const std::string enrolments = directory + "/enrolment";
  if (::mkdir(enrolments.c_str(), 0755) != 0 && errno != EEXIST) return broken();
  std::string coming = directory + "/enrolment.XXXXXX";
  {
    const File file(::mkostemp(coming.data(), O_CLOEXEC));
    if (file.get() < 0) return broken();
    if (::fchmod(file.get(), 0644) != 0 || !write_all(file.get(), note) || ::fsync(file.get()) != 0) {
      const int code = broken();
      ::unlink(coming.c_str());
      return code;
    }
  }
  int linked = -1;
  for (unsigned number = 0; number < 1000 && linked != 0; ++number) {
    char digits[8];
    std::snprintf(digits, sizeof digits, "%03u", number);
    name = enrolments + "/" + digits;
    linked = ::link(coming.c_str(), name.c_str());
    if (linked != 0 && errno != EEXIST) break;
  }
  const int code = linked == 0 ? static_cast<int>(kDone) : broken();
  ::unlink(coming.c_str());
  for (const std::string& made : {directory, enrolments})
    if (const File at(::open(made.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); at.get() >= 0) (void)::fsync(at.get());
  return code;
}

int make_trust(const KeygenLine& line) {
  if (!is_key_name(line.trust))
    return failed(kBadInput, "'" + shown(line.trust) + "' is no name of a key",
                  "visible characters without '+', such as example.org/airtight");
  std::uint64_t size = 0;
  const std::unique_ptr<Disk> disk = real_disk();
  for (const std::string& path : {line.output, line.output + ".pub"})
    if (!disk->size(path, size)) return failed(kBadInput, path + " exists already", "nothing is overwritten");
  const NoteSigner signer{line.trust, Secret::random()};
  std::string secret = private_text(signer) + "\n";
  int code = write_new(line.output, secret, 0600);
  wipe(secret);
  if (code != kDone) return code;
  code = write_new(line.output + ".pub", to_text(signer.verifier()) + "\n", 0644);
  if (code != kDone) {
    ::unlink(line.output.c_str());
    return code;
  }
  return printed("trust root " + line.trust + "\n  " + line.output +
                 "      private: enrols nodes; keep it off them\n  " + line.output +
                 ".pub  public: for verify --trust and report --trust\n  next: airtight-auditor enrol " +
                 "--trust-key " + line.output + " --keys DIR/keys --inventory FILE --policy FILE --into DIR\n");
}

int make_node_keys(const KeygenLine& line) {
  EpochPlan plan{line.node, 0, line.epoch, line.epochs};
  if (line.first.empty()) {
    plan.first = real_clock()->now().realtime / kSecond * kSecond;
  } else if (const auto first = parse_time_text(line.first); first && *first % kSecond == 0) {
    plan.first = *first;
  } else {
    return failed(kBadInput, "--first: '" + shown(line.first) + "' is no time in whole seconds of UTC",
                  "such as 2026-11-25T13:00:00Z");
  }
  if (!is_token(line.node))
    return failed(kBadInput, "--node: '" + shown(line.node) + "' is no node's name",
                  "up to 255 visible characters without '+' and '/'");
  if (!plan.valid()) {
    return failed(
        kBadInput,
        counted(plan.count, "epoch") + " of " + counted(plan.length, "second") + " from " + time_text(plan.first) +
            " cannot be",
        "an epoch is at most 366 days, there are at most " + grouped(kMaxEpochs) + ", and they end before 2116");
  }
  std::string state = line.state;
  while (state.size() > 1 && state.back() == '/') state.pop_back();
  const std::string key = line.key.empty() ? state + ".key" : line.key;
  if (key.rfind(state + "/", 0) == 0)
    return failed(kBadInput, key + " lies in the log", "the log's directory goes to others; its key must not");
  const std::unique_ptr<Disk> disk = real_disk();
  std::uint64_t size = 0;
  for (const std::string& path : {state + "/keys", key})
    if (!disk->size(path, size)) {
      return failed(kBadInput, path + " exists already",
                    "a log keeps its keys; begin another in a new directory, and keep the old one as evidence");
    }
  bool made = false;
  if (const auto error = disk->make_directory(state, made))
    return failed(kEnvironment, state + " cannot be made: " + error.message());
  KeyList list;
  if (const auto error = EpochKeys::make(*disk, key, plan, list)) {
    if (made) (void)disk->remove(state);
    return failed(error == EvidenceError::Exists ? kBadInput : kEnvironment,
                  key + " cannot be written: " + error.message());
  }
  if (const auto error = LogWriter::create(*disk, state, list)) {
    (void)disk->remove(key);
    return failed(kEnvironment, state + " cannot be written: " + error.message());
  }
  return printed("keys of " + shown(line.node) + ": " + counted(plan.count, "epoch") + " of " +
                 counted(plan.length, "second") + ", " + time_text(plan.first) + " to " +
                 time_text(plan.begin(plan.count)) + "\n  log     " + state + " (" + list.origin() + ")\n  secret  " +
                 key + "\n  next: airtight-auditor enrol --keys " + state + "/keys …, where the trust root's key is\n");
}

int keygen(const KeygenLine& line) {
  const bool node = !line.node.empty() || !line.state.empty();
  if (node == !line.trust.empty())
    return failed(kBadInput, "keygen makes node keys (--node NAME --state DIR) or a trust root (--trust NAME -o FILE)");
  if (!node) {
    if (line.output.empty()) return failed(kBadInput, "--trust needs -o FILE");
    return make_trust(line);
  }
  if (line.node.empty() || line.state.empty()) return failed(kBadInput, "node keys need --node NAME and --state DIR");
  return make_node_keys(line);
}

std::optional<NoteSigner> load_signer(const std::string& path, int& code) {
  auto text = load_text(path, kMaxKeyFile, code);
  if (!text) return std::nullopt;
  if (!text->empty() && text->back() == '\n') text->pop_back();
  auto signer = parse_note_signer(*text);
  const bool open_half = parse_note_key(*text).has_value();
  wipe(*text);
  if (!signer) {
    code = failed(kBadInput, path + " is no private key of a trust root",
                  open_half ? "it is the public one; the private one has the name without .pub"
                            : "keygen --trust NAME -o FILE makes one");
    return std::nullopt;
  }
  struct stat status {};
  if (path != "-" && ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    std::fprintf(stderr, "airtight-auditor: note: others may read %s; chmod 600 it\n", shown(path, 4096).c_str());
  return signer;
}

std::optional<KeyList> load_keys(const std::string& path, int& code) {
  const auto text = load_text(path, kMaxKeyList, code);
  if (!text) return std::nullopt;
  std::string why;
  auto keys = parse_key_list(*text, why);
  if (!keys)
    code = failed(kBadInput, path + " is no list of epoch keys: " + shown(why), "it is the file 'keys' of a log");
  return keys;
}

int enrol(const EnrolLine& line) {
  int code = kDone;
  if (line.keys.empty() && line.into.empty()) return failed(kBadInput, "enrol needs --keys FILE or --into DIR");
  if (line.output.empty() && line.into.empty()) return failed(kBadInput, "enrol needs -o NOTE or --into DIR");
  const std::string keys_path = line.keys.empty() ? line.into + "/keys" : line.keys;
  const auto signer = load_signer(line.trust_key, code);
  if (!signer) return code;
  const auto keys = load_keys(keys_path, code);
  if (!keys) return code;
  Enrolment enrolment{keys->plan, keys->root(), {}, {}, real_clock()->now().realtime};
  const std::string& node = keys->plan.node;
  if (!line.into.empty() && !line.keys.empty()) {
    const auto there = load_keys(line.into + "/keys", code);
    if (!there) return code;
    if (there->root() != enrolment.key_root || there->plan != keys->plan)
      return failed(kBadInput, line.into + " is a log of other keys than " + line.keys);
  }

  const auto inventory_text = load_text(line.inventory, kMaxInventory, code);
  if (!inventory_text) return code;
  std::string why;
  const auto inventory = parse_inventory(*inventory_text, why);
  if (!inventory) return failed(kBadInput, line.inventory + " is no inventory: " + shown(why, 1000));
  if (std::none_of(inventory->nodes.begin(), inventory->nodes.end(),
                   [&](const InventoryNode& one) { return one.node == node; }))
    return failed(kBadInput, "node '" + shown(node) + "' of " + keys_path + " is not in " + line.inventory);
  enrolment.inventory_digest = inventory->digest;

  std::string list;
  for (const std::string& path : line.policies) {
    const auto policy = load_policy(path, code);
    if (!policy) return code;
    const std::string digest = policy_digest(*policy);
    auto& digests = enrolment.policy_digests;
    if (std::find(digests.begin(), digests.end(), digest) != digests.end()) continue;
    digests.push_back(digest);
    list += "  policy     " + digest + " (" + shown(path, 4096) + ")\n";
  }

  const std::string note = sign_enrolment(enrolment, *signer);
  std::string files;
  if (!line.output.empty()) {
    if ((code = write_new(line.output, note, 0644)) != kDone) return code;
    files += "  written to " + line.output + "\n";
  }
  if (!line.into.empty()) {
    std::string name;
    if ((code = put_into(line.into, note, name)) != kDone) return code;
    files += "  written to " + name + "\n";
  } else {
    files += "  next: copy it to DIR/enrolment/ of the node's log\n";
  }
  const EpochPlan& plan = enrolment.plan;
  if (enrolment.signed_at > plan.first) {
    std::fprintf(
        stderr,
        "airtight-auditor: note: the keys count from %s; for what was before this enrolment they prove nothing\n",
        time_text(plan.first).c_str());
  }
  return printed("signed by " + signer->name + " at " + time_text(enrolment.signed_at) + ":\n  node       " +
                 shown(node) + "\n  keys       " + keys->origin() + ", " + counted(plan.count, "epoch") + ", " +
                 time_text(plan.first) + " to " + time_text(plan.begin(plan.count)) + "\n  inventory  " +
                 enrolment.inventory_digest + " (" + counted(inventory->nodes.size(), "row") + ")\n" + list + files);
}

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  CLI::App* keygen_line = app.add_subcommand("keygen", "Make a node's keys, or the trust root that enrols nodes");
  auto made = std::make_shared<KeygenLine>();
  keygen_line->add_option("--node", made->node, "The node's name, as the inventory has it")->type_name("NAME");
  keygen_line->add_option("--state", made->state, "Where the node's log begins: the directory of run --state")
      ->type_name("DIR");
  keygen_line->add_option("--key", made->key, "The file for the secret (default: DIR.key)")->type_name("FILE");
  keygen_line->add_option("--first", made->first, "When the first epoch begins (default: now)")->type_name("TIME");
  keygen_line->add_option("--epoch", made->epoch, "How long a key counts, in seconds (default: 3600)")
      ->type_name("SECONDS");
  keygen_line->add_option("--epochs", made->epochs, "How many keys (default: 8760)")->type_name("N");
  keygen_line->add_option("--trust", made->trust, "Make a trust root of this name instead")->type_name("NAME");
  keygen_line->add_option("-o", made->output, "Where the trust root goes: FILE, and FILE.pub")->type_name("FILE");
  keygen_line->footer(kKeygenNotes);
  keygen_line->callback([made, &chosen] { chosen = [made] { return keygen(*made); }; });

  CLI::App* enrol_line =
      app.add_subcommand("enrol", "Sign a node's keys, the inventory and policies, with the trust root");
  auto signs = std::make_shared<EnrolLine>();
  enrol_line->add_option("--trust-key", signs->trust_key, "The private key that keygen --trust made")
      ->required()
      ->type_name("FILE");
  enrol_line->add_option("--keys", signs->keys, "The file 'keys' of the node's log")->type_name("FILE");
  enrol_line->add_option("--inventory", signs->inventory, "Which nodes there are")->required()->type_name("FILE");
  enrol_line->add_option("--policy", signs->policies, "A policy.json that may be in force; may be repeated")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  enrol_line->add_option("-o", signs->output, "Where the note goes")->type_name("NOTE");
  enrol_line->add_option("--into", signs->into, "The node's log: the note becomes DIR/enrolment/NNN")->type_name("DIR");
  enrol_line->footer(kEnrolNotes);
  enrol_line->callback([signs, &chosen] { chosen = [signs] { return enrol(*signs); }; });
}

}  // namespace airtight::audit
