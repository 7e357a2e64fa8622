// 帮助页正文。键与 en-help.js 一一对应。[[键]] 是页面上的名称，取自用语表；[[键|路径]] 是通往该页的链接。
export const help = {
  "help.intro": "一页说完怎么用。粗体是页面上的名称。经 HTTPS 打开过望火楼的手机，没有网络时也能看本页。",

  "help.first": "第一次使用",
  "help.first.1":
    "首个管理员的用户名和密码由服务器在首次启动时打印一次。登录后在右上角的用户菜单中[[menu.password]]。",
  "help.first.2":
    "[[admin.tab.people|admin/people]]：给每个人建一个账号，密码只显示一次。[[role.viewer]]只看；"
    + "[[role.duty_officer]]接警、核实、停用设备；[[role.maintainer]]管单位、设备和导入；"
    + "[[role.administrator]]什么都能做；[[role.wall]]给大屏用。",
  "help.first.3":
    "[[admin.tab.sites|admin/start]]：登记第一个单位和第一台设备。位置在图上点，可拖动；也可取手机的位置"
    + "，或填经纬度。",
  "help.first.4":
    "给设备[[admin.make_account]]，照页面给出的[[admin.try_line]]发一条消息，看它到达。发来却没有入库的"
    + "消息在[[nav.system|system]]的[[system.rejects]]里，写着原因。",
  "help.first.5":
    "已有台账的，用[[admin.tab.import|admin/import]]一次登记。没人处理时打电话给谁，填在"
    + "[[admin.tab.contacts|admin/contacts]]。",

  "help.fire": "火警来了怎么办",
  "help.fire.1":
    "火警排在[[nav.desk|desk]]队列最上面，响铃；其他页面顶部也有火警条。按[[desk.acknowledge]]（A）：铃"
    + "停，大家看到是谁在处理。接警不会停下计时。",
  "help.fire.2":
    "打电话核实：右侧有单位的[[desk.contacts]]、[[desk.access]]、[[desk.evidence]]和"
    + "[[desk.nearest_water]]。",
  "help.fire.3":
    "核实后三选一：[[desk.real]]（R）立即上报 119；[[desk.false]]（F）和[[desk.test]]（T）结束这条火警。"
    + "都会先问一次。",
  "help.fire.4": "计时到了还没有人核实，火警自动上报 119。有人按下的手动报警按钮不等计时，立即上报。",
  "help.fire.5":
    "[[desk.notices]]卡片显示 119 收到没有。顶部出现红条，说 119 没有接收时，请立即打电话报警。",

  "help.keys": "快捷键",
  "help.keys.1": "在值守台上有效；按 ? 随时显示。",

  "help.shapes": "颜色和形状",
  "help.shapes.1":
    "正常的东西是淡灰色，不引人注意。红色只用于火警和紧急告警。颜色之外总有形状，看不清颜色也能分辨。",
  "help.shapes.2":
    "列表里，状态前的勾表示正常，空圈是[[status.offline]]，方块是[[status.discovered]]（发来了数据，还没"
    + "有人登记），两竖是[[status.out_of_service]]。",
  "help.shapes.3":
    "[[nav.map|map]]上，圆圈里的数字是聚在一起的设备数，点一下放大。选一个区域，地图就移到那里。"
    + "[[map.grids]]打开网格，点网格看责任人和待办。",

  "help.phone": "手机上",
  "help.phone.1":
    "[[nav.water|water]]：[[water.here]]列出最近的水源，能用的在前；箭头指方向，圆形按钮打开导航。浏览器"
    + "只在 HTTPS 下给位置；否则在图上点一下，或选乡镇。",
  "help.phone.2":
    "[[water.usable]]：读数新，水压或水位够。[[water.unusable]]：写着原因。[[water.unknown]]：缺读数或限"
    + "值。[[water.stale]]：读数太旧，不能当真。",
  "help.phone.3": "没有网络时显示最后一次的清单，写明从何时起离线，读数的时间继续累计。",
  "help.phone.4":
    "巡查：扫设备上的二维码，或打开[[water.inspections|inspect]]。不合格的项目自动成为隐患。没有信号时答"
    + "案留在手机上，照片不留。",

  "help.handover": "交接班",
  "help.handover.1":
    "[[desk.tab.handover|desk/handover]]列出未关闭的告警、搁置和停用的设备、119 没有收到的通知和备注。交"
    + "班人填[[handover.remarks]]，按[[handover.sign_go]]；此后内容不再变。",
  "help.handover.2": "接班人在同一屏输入自己的用户名和密码。不能自己接自己的班。可以打印。",

  "help.exports": "导出",
  "help.exports.1":
    "[[desk.tab.history|desk/history]]和[[nav.devices|devices]]：筛选后的内容，CSV 或 Excel。"
    + "一台设备的曲线用[[devices.save_csv]]。[[admin.tab.audit|admin/audit]]：CSV。",
  "help.exports.2":
    "[[nav.system|system]]：[[report.title]]打印或存为 Excel；[[ledger.title]]每一项存为 CSV。",

  "help.more": "接口和手册",
  "help.more.1":
    "接口文档：[[empty.docs|/docs]]。其他平台用[[admin.tab.keys|admin/keys]]读取；要推送给它们，在"
    + "[[push.to|subscriptions]]设置。",
  "help.more.2": "更多说明随软件提供，在 docs 文件夹：dashboard.md 讲各页面，operations.md 讲部署和运维。",
};
