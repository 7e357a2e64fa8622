// Words of the dialog about notifications. Keys as in zh-notify.js, in the same order.
export const notify = {
  "notify.open": "While the page is open",
  "notify.page_granted": "Allowed: a new fire is shown while the page lies behind another window.",
  "notify.page_default": "Not allowed yet: behind another window a new fire is only heard.",
  "notify.page_denied": "The browser blocks notifications of this site; allow them in its site settings.",
  "notify.page_unsupported": "This browser has no notifications.",
  "notify.page_insecure": "Notifications need HTTPS, and this page was opened over HTTP.",
  "notify.allow": "Allow notifications",
  "notify.closed": "While the page is closed",
  "notify.off_line": "Off: with the page closed, this device is not told of fires.",
  "notify.on_line":
    "On: this device is told of new fires in your areas until you sign out, also when the sign-in runs out.",
  "notify.first": "The first message is on its way…",
  "notify.accepted": "The newest message was accepted by the browser's push service {at}.",
  "notify.failing":
    "The message of {at} could not be sent: the server cannot reach the browser's push service. "
    + "Do not rely on it while the page is closed.",
  "notify.turn_on": "Turn on",
  "notify.turn_off": "Turn off",
  "notify.insecure": "Not available: push needs HTTPS, and this page was opened over HTTP.",
  "notify.unsupported": "Not available: this browser has no push (iPhone: add the page to the home screen).",
  "notify.denied": "Not available: the browser blocks notifications here; allow them in its site settings.",
  "notify.no_way_out": "Not available: this system has no way out to push services; its operator opens it.",
  "notify.browser": "the browser did not accept; its push service may be out of reach, try again later",
};
