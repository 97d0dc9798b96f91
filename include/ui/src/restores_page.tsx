import { RestoresPage } from "./restores/RestoresPage";

globalThis.AirflowPlugin = RestoresPage;
