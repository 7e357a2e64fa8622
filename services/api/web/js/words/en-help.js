// The text of the help. Keys are those of zh-help.js, in the same order. [[key]] is a name on the pages, from
// the tables of words; [[key|path]] links to that page.
export const help = {
  "help.intro":
    "How it is used, on one page. Bold is what stands on the pages. A phone that once opened Firetower "
    + "over HTTPS shows this page without a network too.",

  "help.first": "First steps",
  "help.first.1":
    "The server prints name and password of the first administrator once, when it starts for the first "
    + "time. After signing in: [[menu.password]] in the menu under your name, top right.",
  "help.first.2":
    "[[admin.tab.people|admin/people]]: an account for everybody; a password is shown once. "
    + "[[role.viewer]] only reads; [[role.duty_officer]] takes and judges alarms and takes devices out of "
    + "service; [[role.maintainer]] keeps sites, devices and imports; [[role.administrator]] may do "
    + "everything; [[role.wall]] is for a screen.",
  "help.first.3":
    "[[admin.tab.sites|admin/start]]: the first site and the first device. Press the map to place it "
    + "and drag it right; or take the phone's own position, or write longitude and latitude.",
  "help.first.4":
    "[[admin.make_account]], send a message with the [[admin.try_line]] that the page shows, and see it "
    + "arrive. What came and could not be stored is under [[system.rejects]] on [[nav.system|system]], "
    + "with the reason.",
  "help.first.5":
    "A ledger that you have comes in by [[admin.tab.import|admin/import]]. Who is called when nobody "
    + "answers is written down under [[admin.tab.contacts|admin/contacts]].",

  "help.fire": "What to do with a fire",
  "help.fire.1":
    "Fires stand on top of the queue of the [[nav.desk|desk]] and sound; every other page has them in "
    + "its top bar. [[desk.acknowledge]] (A) stops the sound and shows who is at it. It does not stop the "
    + "clock.",
  "help.fire.2":
    "Telephone: beside the fire are [[desk.contacts]], [[desk.access]], [[desk.evidence]] and "
    + "[[desk.nearest_water]].",
  "help.fire.3":
    "Then judge it: [[desk.real]] (R) tells 119 at once; [[desk.false]] (F) and [[desk.test]] (T) end "
    + "that fire. Each asks first.",
  "help.fire.4":
    "A fire that nobody judges in time goes to 119 by itself. A call point that a person pressed waits "
    + "for no clock.",
  "help.fire.5":
    "The card [[desk.notices]] says whether 119 has it. When a red bar says that 119 has not, telephone "
    + "at once.",

  "help.keys": "Keys",
  "help.keys.1": "On the duty desk; ? shows them there.",

  "help.shapes": "Colours and shapes",
  "help.shapes.1":
    "What is as it should be is pale grey. Red is for fires and critical alarms alone. Beside its "
    + "colour everything has a shape, for eyes that see no colours.",
  "help.shapes.2":
    "In lists a tick before the state means that all is well, a ring is [[status.offline]], a square "
    + "[[status.discovered]] (it sends, and nobody has registered it), two bars are "
    + "[[status.out_of_service]].",
  "help.shapes.3":
    "On the [[nav.map|map]] a number in a disc counts devices that stand close together; press it to "
    + "look closer. Choose an area, and the map goes there. [[map.grids]] shows the grids; press one for "
    + "its people and duties.",

  "help.phone": "On a phone",
  "help.phone.1":
    "[[nav.water|water]]: [[water.here]] lists the nearest sources, usable ones first; the arrow points "
    + "there, the round button opens the way. Browsers say where a phone is over HTTPS only; else tap the "
    + "map or choose a township.",
  "help.phone.2":
    "[[water.usable]]: a fresh reading, with pressure or level enough. [[water.unusable]]: the reason "
    + "is beside it. [[water.unknown]]: a reading or a limit is missing. [[water.stale]]: the reading is "
    + "too old to be believed.",
  "help.phone.3":
    "Without a network you see the last list, since when you are offline, and the ages of its readings "
    + "going on.",
  "help.phone.4":
    "Inspections: scan the code on the device, or open [[water.inspections|inspect]]. What is not good "
    + "becomes a hazard. Without a signal the answers stay on the phone; the photo does not.",

  "help.handover": "Hand-over",
  "help.handover.1":
    "[[desk.tab.handover|desk/handover]] lists open alarms, what is shelved or out of service, notices "
    + "that 119 did not get, and notes. The officer adds [[handover.remarks]] and presses "
    + "[[handover.sign_go]]; it never changes after that.",
  "help.handover.2":
    "The next officer signs on the same screen with their own name and password. Nobody takes over from "
    + "themselves. It prints.",

  "help.exports": "Exports",
  "help.exports.1":
    "[[desk.tab.history|desk/history]]: the alarms that the filters let through, CSV or Excel. "
    + "[[nav.devices|devices]]: the devices, CSV or Excel; the curve of one device by [[devices.save_csv]]. "
    + "[[admin.tab.audit|admin/audit]]: CSV.",
  "help.exports.2":
    "[[nav.system|system]]: [[report.title]] to print or as Excel; each check of [[ledger.title]] as "
    + "CSV.",

  "help.more": "Interfaces and manuals",
  "help.more.1":
    "The interface is described under [[empty.docs|/docs]]. Other platforms read with "
    + "[[admin.tab.keys|admin/keys]]; what is sent to them is set under [[push.to|subscriptions]].",
  "help.more.2":
    "More comes with the software, in its folder docs: dashboard.md about the pages, operations.md "
    + "about running it.",
};
