// The one table of stable diagnostic codes. A code is never given a second meaning; one that is retired stays free.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace airtight {

// AT-Y text and YAML, AT-S spec (1 shape, 2 values, 3 meaning), AT-T targets, AT-P policy.json, AT-F files, AT-U usage.
enum class Code : std::uint16_t {
  NotUtf8,
  Utf16,
  ControlCharacter,
  TabIndent,
  YamlSyntax,
  DuplicateKey,
  MergeKey,
  YamlTag,
  AliasExpansion,
  TooDeep,
  TooBig,
  SeveralDocuments,
  EmptyDocument,
  KeyNotScalar,
  LineEnd,
  BidiCharacter,
  ArtifactSyntax,
  UnknownField,
  MissingField,
  WrongType,
  WrongApiVersion,
  WrongKind,
  UnknownValue,
  NotFilled,
  EmptyValue,
  GivenTwice,
  RepeatedItem,
  BadAddress,
  BadPrefix,
  HostBits,
  NotCanonical,
  BadPort,
  BadName,
  BadDomain,
  BadLabel,
  BadDate,
  BadVersion,
  BadBoolean,
  BadDevice,
  LookAlike,
  AmbiguousScalar,
  UnknownName,
  UnknownPortName,
  OutsideFlow,
  NoPorts,
  PortsTwice,
  NameTaken,
  NotPrivate,
  NeedsApproval,
  MeetsCatalogue,
  RangesOverlap,
  CarriesIpv4,
  ExceptionTooWide,
  ExceptionExpired,
  ExceptionInside,
  UnknownCatalogue,
  TargetConflict,
  EndpointInCluster,
  OutOfRange,
  NothingToEnforce,
  NeedsTarget,
  NameDenied,
  BadForward,
  NotMulticast,
  Contradiction,
  DeviceOverlap,
  ForwardWithoutFlow,
  RootZone,
  BoundaryTooWide,
  TargetUnavailable,
  TargetVersion,
  CannotExpress,
  TargetNeeds,
  PolicySyntax,
  PolicyDigest,
  PolicyVersion,
  CannotRead,
  CannotWrite,
  ForeignFiles,
  Stale,
  NotARegularFile,
  BadCatalogue,
  Usage,
};

struct CodeInfo {
  Code code;
  std::string_view id;           // "AT-S203"
  std::string_view title;        // a noun phrase
  std::string_view explanation;  // what it means, why it is refused and what to do, in sentences
  bool schema_sees;              // the JSON Schema of the language refuses it too
};

std::span<const CodeInfo> code_table();
const CodeInfo& info(Code);
std::optional<CodeInfo> find_code(std::string_view id);  // case-folded

}  // namespace airtight
