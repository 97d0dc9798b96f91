import { RestoreTab } from "./tab/RestoreTab";

globalThis.AirflowPlugin = RestoreTab;
