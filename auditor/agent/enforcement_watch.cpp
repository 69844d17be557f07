#include "auditor/agent/enforcement_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace airtight::audit {

namespace {

// Reading again where nothing was told of (iptables-legacy tells nobody) may cost this share of the time: small
// rulesets are read every interval, very large ones now and then.
constexpr int kShareOfReading = 200;
constexpr std::size_t kMaxReading = 512u << 20;  // bytes of all dumps

EnforcementRecord record(std::string digest, std::string outcome, std::vector<std::string> opened) {
  return {std::move(digest), std::move(outcome), std::move(opened)};
}

}  // namespace

EnforcementWatch::EnforcementWatch(Opener& opener, unsigned seconds) : opener_(opener), seconds_(seconds) {
  if (const std::error_code error = opener_.open_socket(SocketKind::RulesetEvents, events_))
    throw std::system_error(error, "changes of nftables cannot be followed");
}

void EnforcementWatch::use(const Policy& policy, std::vector<std::string> uplinks) {
  policy_json_ = serialise(policy);
  expiries_.clear();
  for (const Exception& exception : policy.exceptions) expiries_.push_back(exception.expires);
  uplinks_ = std::move(uplinks);
  proved_digest_.clear();
  prover_.reset();
  wanted_ = true;
}

void EnforcementWatch::use_uplinks(std::vector<std::string> uplinks) {
  if (uplinks == uplinks_) return;
  uplinks_ = std::move(uplinks);
  proved_digest_.clear();
  prover_.reset();  // its proof is about others
  wanted_ = true;
}

std::vector<EnforcementRecord> EnforcementWatch::take_events() {
  RulesetChange change;
  std::vector<EnforcementRecord> records;
  if (const std::error_code error = read_ruleset_events(events_.get(), change))
    change.unsure.push_back("changes of nftables cannot be followed: " + error.message());
  if (change.tables.empty() && change.unsure.empty() && !change.lost) return records;
  if (!change.unsure.empty()) {
    wanted_ = true;
    unsure_ = true;
    last_ = record(reading_digest_, "changed", std::move(change.unsure));
    records.push_back(last_);
  }
  return records;
}

std::vector<EnforcementRecord> EnforcementWatch::interval(Date today) {
  std::vector<EnforcementRecord> records;
  if (today != today_) {
    const bool ended = std::any_of(expiries_.begin(), expiries_.end(),
                                   [&](Date expires) { return expires < today && !(expires < today_); });
    if (known_ && ended) {
      unsure_ = true;
      last_ = record(reading_digest_, "changed", {"an exception expired: the rules are proved without it"});
      records.push_back(last_);
    }
    today_ = today;
    proved_digest_.clear();
    prover_.reset();  // its proof is about yesterday
    wanted_ = true;
  }
  std::uint32_t generation = 0;
  const std::error_code error = opener_.ruleset_generation(generation);
  if (error || generation != generation_ || (known_ && proved_digest_.empty()) ||
      std::chrono::steady_clock::now() - read_at_ >= kShareOfReading * took_)
    wanted_ = true;
  return records;
}

void EnforcementWatch::begin() {
  wanted_ = false;
  read_.clear();
  read_at_ = std::chrono::steady_clock::now();
  (void)opener_.ruleset_generation(generation_);
  if (opener_.read_rulesets(stream_)) {
    stream_.reset();
    return;
  }
  (void)::fcntl(stream_.get(), F_SETFL, O_NONBLOCK);
}

std::vector<EnforcementRecord> EnforcementWatch::poll() {
  std::vector<EnforcementRecord> records;
  if (!stream_ && !prover_ && wanted_) {
    unsure_ = false;  // what is read from here on is what is in force after the change
    begin();
    if (!stream_) {
      Proof proof;
      proof.outcome = "unreadable";
      proof.opened = {"the process that reads rulesets does not answer"};
      reading_digest_.clear();
      conclude(std::move(proof), records);
      wanted_ = true;
      return records;
    }
  }
  if (stream_) {
    std::array<char, 1 << 16> part;
    for (;;) {
      const ssize_t got = ::read(stream_.get(), part.data(), part.size());
      if (got > 0 && read_.size() < kMaxReading) {
        read_.append(part.data(), static_cast<std::size_t>(got));
        continue;
      }
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      stream_.reset();
      took_ = std::chrono::steady_clock::now() - read_at_;
      finish(records);
      break;
    }
  }
  if (prover_) {
    if (std::optional<Proof> proof = prover_->poll()) {
      prover_.reset();
      conclude(std::move(*proof), records);
    }
  }
  return records;
}

void EnforcementWatch::finish(std::vector<EnforcementRecord>& records) {
  std::vector<RulesetDump> dumps;
  std::string why;
  Proof broken;
  broken.outcome = "unreadable";
  if (!decode_dumps(read_, dumps, why)) {
    broken.opened = {"the live rules could not be read whole: " + why};
    reading_digest_.clear();
    conclude(std::move(broken), records);
    return;
  }
  reading_digest_ = ruleset_digest(dumps);
  read_.clear();
  read_.shrink_to_fit();
  if (reading_digest_ == proved_digest_) {
    conclude(proof_, records);
    return;
  }
  if (const std::error_code error =
          Prover::start(policy_json_, uplinks_, std::move(dumps), today_, seconds_, prover_)) {
    broken.opened = {"the proof could not be started: " + error.message()};
    conclude(std::move(broken), records);
  }
}

void EnforcementWatch::conclude(Proof proof, std::vector<EnforcementRecord>& records) {
  known_ = true;
  proof_ = std::move(proof);
  // What could not be told is no answer: the next reading asks again, whatever its digest.
  proved_digest_ = proof_.outcome == "unreadable" ? std::string() : reading_digest_;
  if (unsure_) return;  // something changed while it was read: the next reading says
  EnforcementRecord now = record(reading_digest_, proof_.outcome, proof_.opened);
  if (now == last_) return;
  last_ = std::move(now);
  records.push_back(last_);
}

}  // namespace airtight::audit
