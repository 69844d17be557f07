#include "auditor/decode/dns.h"

#include <array>
#include <cstddef>

#include "auditor/decode/byte_reader.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kMaxNameOctets = 255;
constexpr int kMaxPointers = 127;  // a name has no more labels; a longer chain only costs time
constexpr std::size_t kMaxRecords = 4096;
constexpr std::uint16_t kMaxQuestions = 64;
constexpr std::uint16_t kClassMask = 0x7fff;  // RFC 6762 §5.4 and §10.2 take the top bit of a class
constexpr std::uint16_t kClassIn = 1, kClassChaos = 3, kClassAny = 255;
constexpr std::uint16_t kOpt = 41, kTsig = 250;

// How the data of a record is read: `skip` bytes, then what is handed out.
enum class Data : std::uint8_t { Opaque, Ipv4, Ipv6, Name, Service };
struct RecordType {
  std::uint16_t type;
  Data data;
  std::uint8_t skip;
};
constexpr RecordType kRecordTypes[] = {
    {1, Data::Ipv4, 0},      // A
    {2, Data::Name, 0},      // NS
    {5, Data::Name, 0},      // CNAME
    {12, Data::Name, 0},     // PTR
    {15, Data::Name, 2},     // MX: preference
    {28, Data::Ipv6, 0},     // AAAA
    {33, Data::Name, 6},     // SRV: priority, weight, port
    {39, Data::Name, 0},     // DNAME
    {64, Data::Service, 2},  // SVCB: priority
    {65, Data::Service, 2},  // HTTPS: priority
};
constexpr RecordType record_type(std::uint16_t type) {
  for (const RecordType& known : kRecordTypes)
    if (known.type == type) return known;
  return {type, Data::Opaque, 0};
}

// Parameters of SVCB and HTTPS (RFC 9460 §14.3.2) that are looked at.
constexpr std::uint16_t kIpv4Hint = 4, kEch = 5, kIpv6Hint = 6;

// IANA's register of opcodes: QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO.
constexpr bool registered_opcode(unsigned opcode) { return opcode <= 6 && opcode != 3; }

// IANA's register of types, as ranges; the holes are unassigned.
struct TypeRange {
  std::uint16_t first, last;
};
constexpr TypeRange kRegisteredTypes[] = {{1, 53}, {55, 68}, {99, 109}, {128, 128}, {249, 264}, {32768, 32769}};
constexpr bool registered_type(std::uint16_t type) {
  for (const TypeRange& range : kRegisteredTypes)
    if (type >= range.first && type <= range.last) return true;
  return false;
}

enum class Step : std::uint8_t { Ok, Ends, Bad };  // Ends: the bytes stop inside

Ip ipv4(ByteReader& reader) { return Ip::v4(reader.u32()); }
Ip ipv6(ByteReader& reader) {
  const u128 high = reader.u64();
  return Ip::v6(high << 64 | reader.u64());
}

void push_label(NameText& name, Bytes label) {
  if (!name.empty()) name.push('.');
  for (const std::uint8_t byte : label) {
    if (byte == '.' || byte == '\\') {
      name.push('\\');
      name.push(static_cast<char>(byte));
    } else {
      name.push_byte(byte);
    }
  }
}

// The name at `at`, which must end before `end`; `at` moves behind it. A pointer leads to a name that was complete
// before these labels began (RFC 1035 §4.1.4): every octet is read once at most, so the walk is
// finite.
Step read_name(Bytes message, std::size_t& at, std::size_t end, NameText& name) {
  name.clear();
  std::size_t cursor = at, run = at, octets = 1;
  int pointers = 0;
  for (;;) {
    const Step cut = pointers == 0 ? Step::Ends : Step::Bad;
    if (cursor >= end) return cut;
    const std::uint8_t length = message[cursor];
    switch (length >> 6) {
      case 0:
        if (length == 0) {
          if (pointers == 0) at = cursor + 1;
          return Step::Ok;
        }
        octets += length + 1U;
        if (octets > kMaxNameOctets) return Step::Bad;
        if (end - cursor <= length) return cut;
        push_label(name, message.subspan(cursor + 1, length));
        cursor += length + 1U;
        break;
      case 3: {
        if (end - cursor < 2) return cut;
        const std::size_t target = (length & 0x3fU) << 8 | message[cursor + 1];
        if (target < kHeaderSize || target >= run || pointers == kMaxPointers) return Step::Bad;
        if (pointers++ == 0) at = cursor + 2;
        end = run;
        cursor = run = target;
        break;
      }
      default:
        return Step::Bad;  // 0x40: extended labels, withdrawn by RFC 6891; 0x80: never assigned
    }
  }
}

class MessageReader {
 public:
  MessageReader(Bytes message, const DnsHeader& header, DnsSink& sink)
      : message_(message), header_(header), sink_(sink) {}

  Step read() {
    for (unsigned i = 0; i < header_.questions; ++i)
      if (const Step step = question(); step != Step::Ok) return step;
    const struct {
      DnsSection section;
      std::uint16_t count;
    } sections[] = {{DnsSection::Answer, header_.answers},
                    {DnsSection::Authority, header_.authorities},
                    {DnsSection::Additional, header_.additionals}};
    std::size_t records = 0;
    for (const auto& [section, count] : sections) {
      for (unsigned i = 0; i < count; ++i) {
        if (records++ == kMaxRecords) return Step::Bad;
        if (const Step step = record(section); step != Step::Ok) return step;
      }
    }
    return Step::Ok;
  }
  std::size_t offset() const { return at_; }

 private:
  Step question() {
    if (const Step step = read_name(message_, at_, message_.size(), owner_); step != Step::Ok) return step;
    ByteReader reader(message_.subspan(at_));
    const std::uint16_t type = reader.u16();
    const std::uint16_t rr_class = reader.u16() & kClassMask;
    if (!reader.ok()) return Step::Ends;
    at_ += reader.offset();
    sink_.question(header_, owner_, type, rr_class);
    return Step::Ok;
  }

  Step record(DnsSection section) {
    if (const Step step = read_name(message_, at_, message_.size(), owner_); step != Step::Ok) return step;
    ByteReader reader(message_.subspan(at_));
    const std::uint16_t type = reader.u16();
    const std::uint16_t rr_class = reader.u16() & kClassMask;
    reader.skip(4);  // time to live
    const std::uint16_t size = reader.u16();
    if (!reader.ok()) return Step::Ends;
    at_ += reader.offset();
    if (size > message_.size() - at_) return Step::Ends;
    const std::size_t end = at_ + size;
    if (type != kOpt && type != kTsig) {
      bool ech = false;
      // Other classes have other data (Chaos) or none (RFC 2136 §2.4, §2.5): what does not read as the Internet's is
      // let be.
      if (!data(section, record_type(type), end, ech) && rr_class == kClassIn) return Step::Bad;
      sink_.record(header_, section, owner_, type, ech);
    }
    at_ = end;
    return Step::Ok;
  }

  // The data of a record, from at_ to `end`; false if it is not what its type says.
  bool data(DnsSection section, const RecordType& form, std::size_t end, bool& ech) {
    ByteReader reader(message_.subspan(at_, end - at_));
    switch (form.data) {
      case Data::Opaque:
        return true;
      case Data::Ipv4:
        if (reader.left() != 4) return false;
        sink_.address(header_, section, owner_, form.type, ipv4(reader));
        return true;
      case Data::Ipv6:
        if (reader.left() != 16) return false;
        sink_.address(header_, section, owner_, form.type, ipv6(reader));
        return true;
      case Data::Name:
      case Data::Service:
        break;
    }
    std::size_t at = at_ + form.skip;
    if (at > end || read_name(message_, at, end, target_) != Step::Ok) return false;
    if (form.data == Data::Name) {
      if (at != end) return false;
      sink_.target(header_, section, owner_, form.type, target_);
      return true;
    }
    if (!target_.empty()) sink_.target(header_, section, owner_, form.type, target_);
    return parameters(section, form.type, message_.subspan(at, end - at), ech);
  }

  // RFC 9460 §2.2. Order and repetition are not held against the record: a lenient client would use it.
  bool parameters(DnsSection section, std::uint16_t type, Bytes bytes, bool& ech) {
    ByteReader reader(bytes);
    while (reader.left() > 0) {
      const std::uint16_t key = reader.u16();
      const std::uint16_t size = reader.u16();
      ByteReader value(reader.take(size));
      if (!reader.ok()) return false;
      ech = ech || key == kEch;
      const std::size_t width = key == kIpv4Hint ? 4 : key == kIpv6Hint ? 16 : 0;
      if (width == 0) continue;
      if (size == 0 || size % width != 0) return false;
      while (value.left() > 0)
        sink_.address(header_, section, owner_, type, key == kIpv4Hint ? ipv4(value) : ipv6(value));
    }
    return true;
  }

  Bytes message_;
  const DnsHeader& header_;
  DnsSink& sink_;
  std::size_t at_ = kHeaderSize;
  NameText owner_, target_;
};

bool read_header(Bytes message, DnsHeader& header) {
  ByteReader reader(message);
  header.id = reader.u16();
  const std::uint16_t flags = reader.u16();
  header.response = (flags & 0x8000) != 0;
  header.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xf);
  header.tc = (flags & 0x0200) != 0;
  header.rcode = static_cast<std::uint8_t>(flags & 0xf);
  header.questions = reader.u16();
  header.answers = reader.u16();
  header.authorities = reader.u16();
  header.additionals = reader.u16();
  return reader.ok() && registered_opcode(header.opcode) && header.questions <= kMaxQuestions;
}

// Whether the one question is such as people ask.
class QuestionCheck final : public DnsSink {
 public:
  bool passed() const { return passed_; }
  void question(const DnsHeader&, const NameText& name, std::uint16_t type, std::uint16_t rr_class) override {
    bool letter = false;
    for (const char c : name.text()) letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    passed_ =
        letter && registered_type(type) && (rr_class == kClassIn || rr_class == kClassChaos || rr_class == kClassAny);
  }
  void address(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, Ip) override {}
  void target(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, const NameText&) override {}
  void record(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, bool) override {}

 private:
  bool passed_ = false;
};

}  // namespace

DnsStatus read_dns(Bytes message, bool truncated, DnsHeader& header, DnsSink& sink) {
  header = {};
  if (!read_header(message, header)) return DnsStatus::NotDns;
  switch (MessageReader(message, header, sink).read()) {
    case Step::Ok:
      return DnsStatus::Ok;
    case Step::Ends:
      return truncated || header.tc ? DnsStatus::Truncated : DnsStatus::Malformed;
    case Step::Bad:
      break;
  }
  return DnsStatus::Malformed;
}

bool looks_like_dns(Bytes message) {
  constexpr std::uint16_t kReserved = 0x0040;  // Z, RFC 6895 §2.1
  constexpr std::uint8_t kLastCode = 11;       // DSOTYPENI
  DnsHeader header;
  if (!read_header(message, header) || header.questions != 1) return false;
  if ((message[3] & kReserved) != 0) return false;
  if (header.response ? header.rcode > kLastCode : header.rcode != 0) return false;
  if (!header.response && header.opcode == 0 && header.answers != 0) return false;
  QuestionCheck check;
  MessageReader reader(message, header, check);
  return reader.read() == Step::Ok && check.passed() && reader.offset() == message.size();
}

DnsFrame first_dns_frame(Bytes stream) {
  ByteReader reader(stream);
  const Bytes message = reader.take(reader.u16());
  if (!reader.ok()) return {};
  return {message, reader.offset()};
}

}  // namespace airtight::audit
